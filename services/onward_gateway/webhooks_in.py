"""POST /webhooks/{name}: a call from outside, which needs no key but a signature, and comes in once."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from litestar import post

from onward.contract import ids, inside, signing, templates
from onward.contract.errors import BadRequest, InvalidInput, NotFound
from onward.contract.submission import EventCommand
from onward.contract.webhooks import CallTaken, WebhookSpec
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import Call, call_of
from onward.http.entrance import body_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.inside import call_as, submit_as
from onward_gateway.receive import take
from onward_gateway.routes import Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

PATH = "/api/v1/webhooks/{name:str}"
DEFAULT_PROJECT = "default"
_any = msgspec.json.Decoder(Any)


class Signed(msgspec.Struct, frozen=True):
    """A call whose signature fits: which it is, and when it was signed, where that is said."""

    id: str
    at: datetime | None


@post(
    PATH,
    opt=describe(
        Operation(
            summary="Call a webhook: signed as Standard Webhooks say, or with X-Hub-Signature-256",
            query=NoQuery,
            headers=("webhook-id", "webhook-timestamp", "webhook-signature", "X-Hub-Signature-256"),
            answers={200: CallTaken, 202: CallTaken},
            refuses=(400, 404, 413, 415, 422, 429, 503),
        ),
        public=True,
    ),
)
@traced("onward.webhook")
async def call_webhook(request: Door) -> Answer:
    """Submits, or sends an event, once for each message; 404 for whatever no known webhook has signed."""
    gateway, call = gateway_of(request), call_of(request.scope)
    if request.scope["query_string"]:
        gateway.no_query(request.scope["query_string"])
    gateway.load.check()
    gateway.known.check_ready()
    body = await body_of(call, request.receive)
    project, spec = _named(gateway, request.path_params["name"])
    signed = None if spec is None else signature_of(call, spec, body, gateway.clock())
    if spec is None or signed is None or spec.paused:
        # The same for a name that nobody has: who cannot sign learns nothing.
        raise NotFound("there is nothing here", fix="look at the address, the secret and the signature")
    if signed.at is not None and abs(gateway.clock() - signed.at) > signing.TOLERANCE:
        raise BadRequest("webhook-timestamp is not of now", fix="set the clock, and sign each message anew")
    gateway.webhook_calls.count(project, spec)
    taken = await act(gateway, project, spec, signed, values(spec, signed, call, body, gateway.clock()))
    return json_answer(taken, 200 if taken.duplicate else 202)


def signature_of(call: Call, spec: WebhookSpec, body: bytes, now: datetime) -> Signed | None:
    """Who the message is, where one of the webhook's secrets has signed it."""
    secrets = [one.secret for one in spec.secrets if one.until is None or one.until > now]
    text = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.items()}
    if (given := text.get("webhook-signature")) is not None:
        message_id, timestamp = text.get("webhook-id", ""), text.get("webhook-timestamp", "")
        at = signing.verified(
            secrets, message_id=message_id, timestamp=timestamp, signatures=given, body=body
        )
        return None if at is None else Signed(message_id, at)
    given = text.get("x-hub-signature-256", "")
    if signing.verified_as_github(secrets, signature=given, body=body):
        # Its delivery id is not signed, so the body itself says whether it came before.
        return Signed(f"sha256={hashlib.sha256(body).hexdigest()}", None)
    return None


def values(spec: WebhookSpec, signed: Signed, call: Call, body: bytes, now: datetime) -> dict[str, Any]:
    """What the templates are filled from. Raises InvalidJson."""
    event = call.headers.get(b"x-github-event")
    return {
        "body": json_text.read(body, _any) if body else None,
        "webhook": spec.name,
        "id": signed.id,
        "event": None if event is None else event.decode("latin-1"),
        "received_at": now.isoformat().replace("+00:00", "Z"),
    }


async def act(
    gateway: Gateway, project: str, spec: WebhookSpec, signed: Signed, given: dict[str, Any]
) -> CallTaken:
    """Does what the webhook is for. Raises what that raises."""
    try:
        if spec.event is not None:
            return await _send(gateway, project, spec, signed, given)
        submission = templates.render(msgspec.Raw(msgspec.json.encode(spec.submission)), given)
    except templates.TemplateError as error:
        raise InvalidInput(f"the body does not fit the webhook's template: {error}") from error
    accepted = await submit_as(
        gateway,
        inside.SubmitAsked(
            project=project,
            actor=f"webhook:{spec.name}",
            source="webhook",
            origin=spec.name,
            execution_id=ids.call_id(project, spec.uid, signed.id),
            submission=submission,
        ),
    )
    return CallTaken(execution_id=accepted.execution.id, duplicate=accepted.replayed)


async def _send(
    gateway: Gateway, project: str, spec: WebhookSpec, signed: Signed, given: dict[str, Any]
) -> CallTaken:
    event = templates.render(msgspec.Raw(msgspec.json.encode(spec.event)), given)
    filled = msgspec.json.decode(event, type=dict[str, Any])
    execution_id = str(filled["execution_id"])
    if not ids.is_execution_id(execution_id):
        raise InvalidInput(f"{execution_id[:80]!r} is not an execution id")
    key = f"{spec.uid}/{hashlib.sha256(signed.id.encode()).hexdigest()}"
    sent = given["body"] if filled.get("value") is None else filled["value"]
    value = msgspec.Raw(msgspec.json.encode(sent))
    command = EventCommand(name=str(filled["name"]), value=value, key=key)
    taken = await take(gateway, call_as(project, f"webhook:{spec.name}"), execution_id, command)
    return CallTaken(execution_id=taken.execution_id, duplicate=taken.duplicate)


def _named(gateway: Gateway, address: str) -> tuple[str, WebhookSpec | None]:
    """`name` in the project default, or `project.name`: the signature proves that the caller may."""
    project, _, name = address.rpartition(".")
    project = project or DEFAULT_PROJECT
    if ids.NAME.fullmatch(project) is None or ids.NAME.fullmatch(name) is None:
        return project, None
    return project, gateway.known.specs.get(project, WebhookSpec, name)
