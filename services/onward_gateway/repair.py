"""POST /executions/{id}/retry: another life, from the start, a checkpoint or a step, with what a person mended."""

from collections.abc import Sequence

import msgspec
from litestar import post

from onward.contract import events as ev
from onward.contract import repair
from onward.contract.decide import Moment
from onward.contract.errors import InvalidBody
from onward.contract.execution import Execution
from onward.contract.log import Log
from onward.contract.submission import RetryCommand
from onward.contract.values import MOST
from onward.contract.view import ExecutionView, view
from onward.http import json_text
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.problems import FieldError, blaming
from onward_gateway.admission import check_input, check_not_reserved
from onward_gateway.control import command_of, decided_by_log
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.traced import traced

_retry = msgspec.json.Decoder(RetryCommand)


@post(
    ONE + "/retry",
    opt=describe(
        Operation(
            summary="Give a failed or cancelled execution another life, as it was or mended",
            query=NoQuery,
            body=RetryCommand,
            answers={202: ExecutionView},
            refuses=(400, 404, 409, 413, 415, 422, 503),
        ),
        scope="operate",
    ),
)
@traced("onward.retry")
async def retry(request: Door) -> Answer:
    """Puts it back into its queue; what was given and what is forgotten is one decision with that."""
    gateway = gateway_of(request)
    asked = await command_of(request, _retry)
    if asked.from_start and asked.from_step is not None:
        what = "from_start and from_step exclude each other"
        raise blaming(InvalidBody(f"/from_step: {what}"), FieldError("/from_step", what))
    gateway.store.check()
    await _permitted(gateway, request)
    kept = await _kept(gateway, request, asked)

    def mended(log: Log, moment: Moment) -> Sequence[ev.AnyEvent]:
        return repair.repair(log, moment, kept)

    return json_answer(view(await decided_by_log(gateway, request, mended)), 202)


async def _permitted(gateway: Gateway, request: Door) -> None:
    project = call_of(request.scope).who.project
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    await gateway.policing.check_again(await gateway.finder.execution(project, execution_id))


async def _kept(gateway: Gateway, request: Door, asked: RetryCommand) -> RetryCommand:
    """`asked` with its values found good, and the large ones stored beside the log."""
    if asked.input is None and not asked.steps:
        return asked
    project = call_of(request.scope).who.project
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    execution = await gateway.finder.execution(project, execution_id)
    given = asked.input
    if given is not None:
        _check_input(gateway, execution, given)
        given = await gateway.values.keep(project, execution_id, given, "/input")
    steps = []
    for place, step in enumerate(asked.steps):
        at = f"/steps/{place}/result"
        check_not_reserved(json_text.value_of(step.result, at, MOST), at)
        result = await gateway.values.keep(project, execution_id, step.result, at)
        steps.append(msgspec.structs.replace(step, result=result))
    return msgspec.structs.replace(asked, input=given, steps=tuple(steps))


def _check_input(gateway: Gateway, execution: Execution, given: msgspec.Raw) -> None:
    task = gateway.known.task(execution.project, execution.task)
    check_input(given, None if task is None else task.validator)
