"""POST /drafts/{name}/approve, /reject."""

from typing import Annotated, Any

import msgspec
from litestar import post

from onward.bus.specs import decode
from onward.contract import drafts
from onward.contract.drafts import DraftSpec
from onward.contract.errors import Conflict, FenceLost, NotFound, Unavailable
from onward.http.answer import Answer, json_answer
from onward.http.call import Call, call_of
from onward_gateway.control import command_of
from onward_gateway.drafting import go_on
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.resources.drafts import KIND, DraftView, shown
from onward_gateway.routes import Door, NoQuery, Operation, describe
from onward_gateway.submit import check

_TRIES = 20
_ONE = f"{KIND.path}/{{name:str}}"


class ApproveCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Approve a draft; there is nothing to say beside that."""


class RejectCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reject a draft; `reason` is shown to people."""

    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


_approve = msgspec.json.Decoder(ApproveCommand)
_reject = msgspec.json.Decoder(RejectCommand)


def _operation(summary: str, body: type[msgspec.Struct]) -> dict[str, Any]:
    return describe(
        Operation(
            summary=summary,
            query=NoQuery,
            body=body,
            answers={200: DraftView},
            refuses=(400, 404, 409, 415, 422, 503),
        ),
        scope="submit",
    )


@post(
    _ONE + "/approve",
    opt=_operation("Approve a draft: it is submitted once all it depends on has completed", ApproveCommand),
)
async def approve(request: Door) -> Answer:
    """Submits it, now or later; a second time, or from another gateway, it is the same execution."""
    gateway, call = gateway_of(request), call_of(request.scope)
    await command_of(request, _approve)
    name = request.path_params["name"]

    async def approved(draft: DraftSpec) -> DraftSpec | None:
        if draft.state in {"approved", "submitted"}:
            return None
        await check(gateway, call, drafts.submission(draft))
        return _decided(gateway, call, draft, "approved")

    await _change(gateway, call, name, approved)
    return await _answer(gateway, call, await go_on(gateway, call.who.project, name), name)


@post(
    _ONE + "/reject",
    opt=_operation("Reject a draft: it is kept, and can be edited or approved later", RejectCommand),
)
async def reject(request: Door) -> Answer:
    """Keeps it with the reason; one that is submitted is cancelled as an execution."""
    gateway, call = gateway_of(request), call_of(request.scope)
    command = await command_of(request, _reject)
    name = request.path_params["name"]

    async def rejected(draft: DraftSpec) -> DraftSpec | None:
        if draft.state == "submitted":
            fix = f"cancel execution {draft.execution_id}"
            raise Conflict(f"draft {name} is submitted", fix=fix)
        return _decided(gateway, call, draft, "rejected", command.reason)

    return await _answer(gateway, call, await _change(gateway, call, name, rejected), name)


def _decided(
    gateway: Gateway, call: Call, draft: DraftSpec, state: str, because: str | None = None
) -> DraftSpec:
    return msgspec.structs.replace(
        draft, state=state, because=because, decided_by=call.who.actor, decided_at=gateway.clock()
    )


async def _change(gateway: Gateway, call: Call, name: str, choose: Any) -> DraftSpec | None:
    config, project = gateway.known.config, call.who.project
    for _ in range(_TRIES):
        found = await config.newest(project, KIND.kind, name)
        if found is None or not found[0]:
            return None
        draft = decode(found[0], DraftSpec)
        after: DraftSpec | None = await choose(draft)
        if after is None:
            return draft
        try:
            await config.write(project, KIND.kind, name, msgspec.json.encode(after), found[1], call.who.actor)
        except FenceLost:
            continue
        return after
    raise Unavailable("others write this draft all the time", retry_after=1)


async def _answer(gateway: Gateway, call: Call, draft: DraftSpec | None, name: str) -> Answer:
    if draft is None:
        raise NotFound(f"there is no draft {name[:80]!r}", fix=f"GET {KIND.path} lists all")
    return json_answer(await shown(gateway, call.who.project, draft))
