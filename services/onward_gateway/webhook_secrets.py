"""POST /webhooks/{name}/secret: a new secret, shown once; the one before it stays good for a while."""

import os
from datetime import timedelta
from typing import Any

import msgspec
from litestar import post

from onward.contract import signing
from onward.contract.errors import InvalidInput
from onward.contract.resource import Resource
from onward.contract.webhooks import SecretCommand, SecretView, WebhookSecret
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward_gateway.control import command_of
from onward_gateway.gateway import gateway_of
from onward_gateway.resources.acts import Desk
from onward_gateway.resources.webhooks import KIND, path_of
from onward_gateway.routes import Door, NoQuery, Operation, describe

_WEEK = 7 * 86_400.0
_MOST_SECRETS = 5


@post(
    "/api/v1/webhooks/{name:str}/secret",
    opt=describe(
        Operation(
            summary="Make a new secret of a webhook, shown this once; the old one stays good for a while",
            query=NoQuery,
            body=SecretCommand,
            answers={201: SecretView},
            refuses=(400, 404, 409, 415, 422, 503),
        ),
        scope="admin",
    ),
)
async def new_secret(request: Door) -> Answer:
    """Callers sign with the new one from now on."""
    gateway, who = gateway_of(request), call_of(request.scope).who
    command = await command_of(request, msgspec.json.Decoder(SecretCommand))
    if not 0 <= command.keep_old <= _WEEK:
        raise InvalidInput(f"/keep_old: {command.keep_old:g} is not 0 to {_WEEK:g} s (a week)")
    name, now = request.path_params["name"], gateway.clock()
    secret, until = (
        signing.new_secret(os.urandom(signing.SECRET_BYTES)),
        now + timedelta(seconds=command.keep_old),
    )

    def renewed(spec: Any) -> Resource:
        good = [one for one in spec.secrets if one.until is None or one.until > now]
        old = [
            msgspec.structs.replace(one, until=until if one.until is None else min(one.until, until))
            for one in good
        ]
        kept = old[: _MOST_SECRETS - 1] if command.keep_old else []
        with_it: Resource = msgspec.structs.replace(spec, secrets=(WebhookSecret(secret=secret), *kept))
        return with_it

    before = await Desk(gateway, KIND, who.project, who.actor).readable(name)
    await Desk(gateway, KIND, who.project, who.actor).change(name, None, renewed, kept_too=True)
    shown = SecretView(
        name=name,
        secret=secret,
        path=path_of(who.project, name),
        old_until=until if before.spec.secrets and command.keep_old else None,
    )
    return json_answer(shown, 201)
