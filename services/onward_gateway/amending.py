"""PATCH /executions/{id}: other limits for an execution that lives; the worker that holds it hears of them."""

from collections.abc import Sequence

import msgspec
from litestar import patch

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.execution import Execution
from onward.contract.submission import AmendCommand
from onward.contract.view import ExecutionView, view
from onward.http.answer import Answer, json_answer
from onward_gateway.control import command_of, decided, nudge
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

_amend = msgspec.json.Decoder(AmendCommand)


@patch(
    ONE,
    opt=describe(
        Operation(
            summary="Change the limits of an execution while it lives",
            query=NoQuery,
            body=AmendCommand,
            answers={200: ExecutionView},
            refuses=(400, 404, 409, 415, 503),
        )
    ),
)
@traced("onward.amend")
async def amend(request: Door) -> Answer:
    """Sets the limits that are named; a limit that has passed ends it at once."""
    command = await command_of(request, _amend)

    def amended(state: Execution, moment: Moment) -> Sequence[ev.AnyEvent]:
        return commands.amend(state, moment, command.timeouts.on(state.timeouts))

    execution = await decided(gateway_of(request), request, amended)
    await nudge(gateway_of(request), execution)
    return json_answer(view(execution), 200)
