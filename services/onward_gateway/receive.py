"""POST /executions/{id}/events: an event from outside, for the code that waits for it now or will."""

from collections.abc import Sequence

import msgspec
from litestar import post

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.ids import check_name
from onward.contract.log import Log
from onward.contract.submission import EventCommand
from onward.contract.values import INLINE
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import Call, call_of
from onward_gateway.admission import check_not_reserved
from onward_gateway.control import REFUSES, command_of, decided_for, nudge
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe, documented
from onward_gateway.traced import traced

_event = msgspec.json.Decoder(EventCommand)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event; `duplicate` where one with its key was taken before, and this one changed nothing."""

    execution_id: str
    name: str
    key: str | None
    duplicate: bool


@post(
    ONE + "/events",
    opt=describe(
        Operation(
            summary="Send an event to an execution: 202 when it is stored, 200 when one with its key was before",
            query=NoQuery,
            body=documented(EventCommand),
            answers={200: Taken, 202: Taken},
            refuses=(*REFUSES, 413, 422),
        ),
        scope="submit",
    ),
)
@traced("onward.send_event")
async def send_event(request: Door) -> Answer:
    """Keeps it for the code that will wait for it, or wakes what waits for it already."""
    gateway = gateway_of(request)
    command = await command_of(request, _event)
    call = call_of(request.scope)
    execution_id = await gateway.finder.resolve(call.who.project, request.path_params["execution_id"])
    taken = await take(gateway, call, execution_id, command)
    return json_answer(taken, 200 if taken.duplicate else 202)


async def take(gateway: Gateway, call: Call, execution_id: str, command: EventCommand) -> Taken:
    """Gives an event to an execution, for whoever calls. Raises its refusals."""
    name = check_name("event", command.name)
    check_not_reserved(json_text.value_of(command.value, "/value", INLINE), "/value")
    chosen: Sequence[ev.AnyEvent] = ()

    def received(log: Log, moment: Moment) -> Sequence[ev.AnyEvent]:
        nonlocal chosen
        chosen = commands.receive(log.execution, moment, name=name, value=command.value, key=command.key)
        return chosen

    execution = await decided_for(gateway, call, execution_id, received)
    await nudge(gateway, execution)
    return Taken(execution_id=execution.id, name=name, key=command.key, duplicate=not chosen)
