"""POST /executions/{id}/cancel, /answer: a look at the log, a decision, an append; again until it holds."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from litestar import post

from onward.contract import commands, subjects
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost, Unavailable
from onward.contract.execution import Execution, Wait
from onward.contract.log import Decision, Log
from onward.contract.submission import MAX_ANSWER, AnswerCommand, CancelCommand
from onward.contract.view import ExecutionView, view
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import Call, call_of
from onward.http.entrance import body_of
from onward.http.problems import FieldError
from onward_gateway import schemas
from onward_gateway.admission import check_not_reserved
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.revive import Decide, decide_again
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

_DEADLINE_SECONDS = 5.0
REFUSES = (400, 404, 409, 415, 503)
_cancel = msgspec.json.Decoder(CancelCommand)
_answer = msgspec.json.Decoder(AnswerCommand)
T = TypeVar("T")
Choose = Callable[[Execution, Moment], Sequence[ev.AnyEvent]]


@post(
    ONE + "/cancel",
    opt=describe(
        Operation(
            summary="Stop an execution: 200 when it is cancelled, 202 when the worker that holds it was asked to stop",
            query=NoQuery,
            body=CancelCommand,
            answers={200: ExecutionView, 202: ExecutionView},
            refuses=REFUSES,
        ),
        scope="operate",
    ),
)
@traced("onward.cancel")
async def cancel(request: Door) -> Answer:
    """Cancels at once where no worker holds it; asks to where one does. A second time changes nothing."""
    gateway = gateway_of(request)
    command = await command_of(request, _cancel)
    chosen: Sequence[ev.AnyEvent] = ()

    def cancelled(state: Execution, moment: Moment) -> Sequence[ev.AnyEvent]:
        nonlocal chosen
        chosen = commands.cancel(state, moment, command.reason)
        return chosen

    execution = await decided(gateway, request, cancelled)
    if execution.cancelling:
        await nudge(gateway, execution)
    asked = any(isinstance(event, ev.CancelRequested) for event in chosen)
    return json_answer(view(execution), 202 if asked else 200)


@post(
    ONE + "/answer",
    opt=describe(
        Operation(
            summary="Answer an open question of an execution",
            query=NoQuery,
            body=AnswerCommand,
            answers={200: ExecutionView},
            refuses=(*REFUSES, 422),
        ),
        scope="submit",
    ),
)
@traced("onward.answer")
async def answer(request: Door) -> Answer:
    """Takes the first answer that fits the question, and wakes the execution."""
    command = await command_of(request, _answer)
    value = json_text.value_of(command.answer, "/answer", MAX_ANSWER)
    check_not_reserved(value, "/answer")

    def answered(state: Execution, moment: Moment) -> Sequence[ev.AnyEvent]:
        events = commands.answer(state, moment, command.answer, command.question_id)
        for event in events:
            if isinstance(event, ev.Answered):
                _check_answer(state.waits[event.wait], value)
        return events

    execution = await decided(gateway_of(request), request, answered)
    await nudge(gateway_of(request), execution)
    return json_answer(view(execution), 200)


async def decided(gateway: Gateway, request: Door, choose: Choose) -> Execution:
    """The execution that the address names, after `choose`; what was chosen is stored. Raises its refusals."""
    return await decided_by_log(gateway, request, lambda log, moment: choose(log.execution, moment))


async def decided_by_log(gateway: Gateway, request: Door, choose: Decide) -> Execution:
    """The same, for a choice that needs the whole log."""
    call = call_of(request.scope)
    execution_id = await gateway.finder.resolve(call.who.project, request.path_params["execution_id"])
    return await decided_for(gateway, call, execution_id, choose)


async def decided_for(gateway: Gateway, call: Call, execution_id: str, choose: Decide) -> Execution:
    """The execution of this id after `choose`, for whoever calls."""
    project = call.who.project
    moment = Moment(now=gateway.clock(), new_id=gateway.new_id, actor=call.who.actor, trace=call.traceparent)
    return await decided_on(gateway, project, execution_id, moment, choose)


async def decided_on(
    gateway: Gateway, project: str, execution_id: str, moment: Moment, choose: Decide
) -> Execution:
    """The same for one execution of a project, wherever the wish comes from."""
    found = await gateway.finder.find(project, execution_id)
    if not isinstance(found, Log):
        revived = await decide_again(gateway, project, found, moment, choose)
        if isinstance(revived, Execution):
            return revived
        found = revived
    return await _append(gateway, found, moment, choose)


async def _append(gateway: Gateway, log: Log, moment: Moment, choose: Decide) -> Execution:
    loop = asyncio.get_running_loop()
    end, state = loop.time() + _DEADLINE_SECONDS, log.execution
    while True:
        events = tuple(choose(log, moment))
        if not events:
            return log.execution
        try:
            sequence = await gateway.events.append(
                Decision(project=state.project, execution_id=state.id, expected=log.sequence, events=events)
            )
        except FenceLost as lost:
            if loop.time() > end:
                raise Unavailable("others append to this log all the time", retry_after=1) from lost
            # Somebody was faster; jitter keeps two who decide at once from meeting again and again.
            await asyncio.sleep(random.uniform(0, 0.001))
            log = await gateway.events.read_on(log, floor=lost.floor)
        else:
            # Who asks here next reads at least this far: what is paused now must not look as if it were not (V1).
            gateway.finder.remember(state.project, state.id, state.route, sequence)
            return log.then(events, sequence).execution


async def nudge(gateway: Gateway, execution: Execution) -> None:
    """Tells the worker that holds an execution, if one does, to look at its log now."""
    if execution.held:
        await gateway.messages.publish(subjects.control(execution.project, execution.id), b"{}")


async def command_of(request: Door, decoder: "msgspec.json.Decoder[T]") -> T:
    """The body of a command; none at all is an empty one. Raises for any query."""
    if request.scope["query_string"]:
        Gateway.no_query(request.scope["query_string"])
    call = call_of(request.scope)
    if call.headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in call.headers:
        return json_text.read(b"{}", decoder)
    return json_text.read(await body_of(call, request.receive), decoder)


def _check_answer(wait: Wait, value: Any) -> None:
    if wait.choices and value not in wait.choices:
        what = "it is none of the choices: " + ", ".join(wait.choices)
        raise schemas.refused("the answer does not fit the question", [FieldError("/answer", what)])
    if (
        wait.schema is not None
        and (validator := schemas.compiled(bytes(wait.schema), "a question")) is not None
    ):
        schemas.hold(validator, value, at="/answer", what="the answer does not fit the question")
