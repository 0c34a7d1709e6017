"""POST /executions/{id}/pause and /resume: what is paused is not claimed, and goes on where it was."""

from collections.abc import Sequence

import msgspec
from litestar import post

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.execution import Execution
from onward.contract.submission import PauseCommand, ResumeCommand
from onward.contract.view import ExecutionView, view
from onward.http.answer import Answer, json_answer
from onward_gateway.control import command_of, decided, nudge
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

_REFUSES = (400, 404, 409, 415, 503)
_pause = msgspec.json.Decoder(PauseCommand)
_resume = msgspec.json.Decoder(ResumeCommand)


@post(
    ONE + "/pause",
    opt=describe(
        Operation(
            summary="Pause an execution: 200 when it is paused, 202 while the worker that holds it ends its steps",
            query=NoQuery,
            body=PauseCommand,
            answers={200: ExecutionView, 202: ExecutionView},
            refuses=_REFUSES,
        ),
        scope="operate",
    ),
)
@traced("onward.pause")
async def pause(request: Door) -> Answer:
    """Pauses at once where no worker holds it; tells the worker where one does. A second time changes nothing."""
    command = await command_of(request, _pause)

    def paused(state: Execution, moment: Moment) -> Sequence[ev.AnyEvent]:
        return commands.pause(state, moment, command.reason)

    execution = await decided(gateway_of(request), request, paused)
    await nudge(gateway_of(request), execution)
    return json_answer(view(execution), 202 if execution.held else 200)


@post(
    ONE + "/resume",
    opt=describe(
        Operation(
            summary="Let a paused execution go on; one that is not paused is left as it is",
            query=NoQuery,
            body=ResumeCommand,
            answers={200: ExecutionView},
            refuses=_REFUSES,
        ),
        scope="operate",
    ),
)
@traced("onward.resume")
async def resume(request: Door) -> Answer:
    """Back into its queue, or to what it waited for; what has come meanwhile counts at once."""
    await command_of(request, _resume)
    execution = await decided(gateway_of(request), request, commands.resume)
    await nudge(gateway_of(request), execution)
    return json_answer(view(execution), 200)
