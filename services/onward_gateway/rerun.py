"""POST /executions/{id}/rerun: a new execution like an old one, which it names; the old one stays as it is."""

from typing import Any

import msgspec
from litestar import post

from onward.contract import values
from onward.contract.execution import Execution
from onward.contract.submission import RerunCommand, Submission
from onward.http.answer import Answer
from onward.http.call import call_of
from onward_gateway.control import command_of
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.limiting import own_limits
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.submit import SubmittedView, accept, answered
from onward_gateway.traced import traced

_rerun = msgspec.json.Decoder(RerunCommand)
_LIKE_THE_OLD_ONE = ("queue", "environment", "priority", "labels", "retry", "timeouts")


@post(
    ONE + "/rerun",
    opt=describe(
        Operation(
            summary="Submit a new execution like this one, with a link to it",
            query=NoQuery,
            body=RerunCommand,
            headers=("Idempotency-Key",),
            answers={202: SubmittedView, 200: SubmittedView},
            refuses=(400, 404, 409, 413, 415, 422, 503),
        ),
        scope="submit",
    ),
)
@traced("onward.rerun")
async def rerun(request: Door) -> Answer:
    """Stores it as any submission, and answers 202 once it is on disk; 200 where its key had brought it there."""
    gateway, call = gateway_of(request), call_of(request.scope)
    command = await command_of(request, _rerun)
    old_id = await gateway.finder.resolve(call.who.project, request.path_params["execution_id"])
    old = await gateway.finder.execution(call.who.project, old_id)
    large = values.referred(old.input) if command.input is None else None
    with gateway.load.carrying(large.bytes if large else 0):
        asked = await _like(gateway, old, command)
        accepted = await accept(
            gateway, call, asked, call.headers.get(b"idempotency-key"),
            text=msgspec.json.encode(asked) if large else None, lineage=_lineage(old),
        )  # fmt: skip
    return answered(accepted)


async def _like(gateway: Gateway, old: Execution, command: RerunCommand) -> Submission:
    same: dict[str, Any] = {
        name: getattr(old, name) if getattr(command, name) is None else getattr(command, name)
        for name in _LIKE_THE_OLD_ONE
    }
    given = command.input
    if given is None:
        given = await gateway.values.whole(old.project, old.id, old.input, old.parent_id)
    limits = command.limits
    if limits is None:
        limits = own_limits(old, given if command.input is None else old.input, gateway.known)
    return Submission(
        task=old.task, input=given, task_id=old.task_id, delay=command.delay, run_at=command.run_at,
        limits=limits or msgspec.UNSET, idempotency_key=command.idempotency_key, **same,
    )  # fmt: skip


def _lineage(old: Execution) -> dict[str, Any]:
    return {
        "retried_from": old.id,
        "agent_id": old.agent_id,
        "team_id": old.team_id,
        "on_exhausted": old.on_exhausted,
        "agent": old.agent,
        "then": old.then,
        "retention": old.retention,
    }
