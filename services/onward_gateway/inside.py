"""What other services of Onward ask: to submit and to cancel, through the same code as everybody else."""

import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from onward.contract import commands, inside, subjects
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import AlreadyEnded, NotFound, OnwardError
from onward.contract.execution import Execution
from onward.contract.log import Log
from onward.contract.policies import denial
from onward.contract.submission import Submission
from onward.http import json_text
from onward.http.call import Call, Principal
from onward_gateway.control import decided_for, nudge
from onward_gateway.gateway import Gateway
from onward_gateway.submit import Accepted, accept

log = logging.getLogger(__name__)

GROUP = "onward-gateway"
_submission = msgspec.json.Decoder(Submission)
_encode = msgspec.json.encode


class Inside:
    """Answers other services; any number of gateways do."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self) -> None:
        """Answers from now on."""
        messages = self._gateway.messages
        acts = {
            inside.SUBMIT: self._submit, inside.CANCEL: self._cancel,
            inside.POLICE: self._police, inside.POLICE_AGAIN: self._police_again,
        }  # fmt: skip
        for name, act in acts.items():
            await messages.subscribe(subjects.ask(inside.SERVICE, name), _answering(act), group=GROUP)

    async def _submit(self, data: bytes) -> inside.Done:
        self._gateway.known.check_ready()
        asked = msgspec.json.decode(data, type=inside.SubmitAsked)
        accepted = await submit_as(self._gateway, asked)
        return inside.Done(
            execution_id=accepted.execution.id, replayed=accepted.replayed, warnings=tuple(accepted.warnings)
        )

    async def _police(self, data: bytes) -> inside.Done:
        first = msgspec.json.decode(data, type=ev.Submitted)
        return await self._judged(first, first.execution_id)

    async def _police_again(self, data: bytes) -> inside.Done:
        state = msgspec.json.decode(data, type=Execution)
        return await self._judged(state, state.id)

    async def _judged(self, one: ev.Submitted | Execution, execution_id: str) -> inside.Done:
        self._gateway.known.check_ready()
        whole = await self._gateway.values.whole(one.project, execution_id, one.input)
        verdicts = await self._gateway.policing.about(msgspec.structs.replace(one, input=whole))
        return inside.Done(execution_id=execution_id, denied=denial(verdicts))

    async def _cancel(self, data: bytes) -> inside.Done:
        asked = msgspec.json.decode(data, type=inside.CancelAsked)

        def cancelled(found: Log, moment: Moment) -> Sequence[ev.AnyEvent]:
            return commands.cancel(found.execution, moment, asked.reason)

        try:
            execution = await decided_for(
                self._gateway, call_as(asked.project, asked.actor), asked.execution_id, cancelled
            )
        except (AlreadyEnded, NotFound):
            return inside.Done(execution_id=asked.execution_id)
        await nudge(self._gateway, execution)
        return inside.Done(execution_id=asked.execution_id)


async def submit_as(gateway: Gateway, asked: inside.SubmitAsked) -> Accepted:
    """Submits for a schedule or a webhook. Raises what a submission raises."""
    submission = json_text.read(bytes(asked.submission), _submission, depth=json_text.MAX_DEPTH + 1)
    lineage = {"source": asked.source, "origin": asked.origin, "scheduled_at": asked.scheduled_at}
    call = call_as(asked.project, asked.actor)
    return await accept(gateway, call, submission, lineage=lineage, identity=asked.execution_id)


def call_as(project: str, actor: str) -> Call:
    """A call that no request made."""
    call = Call({})
    call.principal = Principal(project, "", actor)
    return call


def _answering(
    act: Callable[[bytes], Awaitable[inside.Done]],
) -> Callable[[str, bytes], Awaitable[bytes]]:
    async def answer(_subject: str, data: bytes) -> bytes:
        try:
            return _encode(inside.Reply(done=await act(data)))
        except OnwardError as error:
            problem = inside.Problem(code=error.code, status=error.status, message=str(error))
        except Exception:
            log.exception("a service could not be answered")
            problem = inside.Problem(code="internal_error", status=500, message="see the gateway's log")
        return _encode(inside.Reply(problem=problem))

    return answer
