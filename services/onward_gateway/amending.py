"""PATCH /executions/{id}: another place in line, other limits or labels, while it lives."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import patch

from onward.contract import amending
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import InvalidBody
from onward.contract.execution import Execution
from onward.contract.submission import AmendCommand
from onward.contract.view import ExecutionView, view
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.problems import FieldError, blaming
from onward_gateway.admission import check_labels, queue_of, time_of
from onward_gateway.control import command_of, decided, nudge
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

NOW = "now"
_amend = msgspec.json.Decoder(AmendCommand)


@patch(
    ONE,
    opt=describe(
        Operation(
            summary="Change an execution while it lives: its queue, priority or time, its labels, its limits",
            query=NoQuery,
            body=AmendCommand,
            answers={200: ExecutionView},
            refuses=(400, 404, 409, 415, 422, 503),
        ),
        scope="operate",
    ),
)
@traced("onward.amend")
async def amend(request: Door) -> Answer:
    """Sets what is named, all of it or nothing. What waits moves at once; what a worker holds, with its next wait."""
    gateway = gateway_of(request)
    command = await command_of(request, _amend)
    if command == AmendCommand():
        raise InvalidBody("nothing is to be changed", fix="name timeouts, priority, queue, run_at or labels")
    if command.queue is not msgspec.UNSET:
        await _movable(gateway, request, command.queue)
    run_at = None if command.run_at is msgspec.UNSET else _time(command.run_at, gateway.clock())

    def amended(state: Execution, moment: Moment) -> Sequence[ev.AnyEvent]:
        if command.labels is not msgspec.UNSET:
            check_labels(amending.merged(state.labels, command.labels))
        return amending.amended(state, moment, command, run_at)

    execution = await decided(gateway, request, amended)
    await nudge(gateway, execution)
    return json_answer(view(execution), 200)


async def _movable(gateway: Gateway, request: Door, queue: str) -> None:
    """Raises UnknownQueue, and PolicyDenied where it could not have been submitted there."""
    project = call_of(request.scope).who.project
    queue_of(queue, project, gateway.known)
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    await gateway.policing.check_again(await gateway.finder.execution(project, execution_id), queue=queue)


def _time(text: str, now: datetime) -> datetime:
    if text == NOW:
        return now
    try:
        at = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        what = "it is a time, as in 2030-01-31T08:00:00Z, or now"
        raise blaming(InvalidBody(f"/run_at: {what}"), FieldError("/run_at", what)) from None
    return time_of(at, now)
