"""What a tick starts is submitted by a gateway, as everything else is: asked over NATS, answered once it is on disk."""

import msgspec

from onward.bus.ports import Messages
from onward.contract import inside, subjects, templates
from onward.contract.schedules import Firing, ScheduleSpec, template_of, variables
from onward.schedules.cron import zone_named

_SECONDS = 10.0
_TOO_MANY = 429
_BROKEN = 500
_encode = msgspec.json.encode
_reply = msgspec.json.Decoder(inside.Reply)


class Gateways:
    """Whichever gateway answers first."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def submit(self, project: str, spec: ScheduleSpec, firing: Firing) -> inside.Reply | None:
        """What became of it; None: nobody knows yet, and it may be asked again."""
        try:
            submission = templates.render(template_of(spec), variables(spec, firing, zone_named(spec.zone)))
        except templates.TemplateError as error:
            return _refused("invalid_input", str(error))
        asked = inside.SubmitAsked(
            project=project,
            actor=firing.by or f"schedule:{spec.name}",
            source="schedule",
            origin=spec.name,
            scheduled_at=firing.tick,
            execution_id=firing.execution_id,
            submission=submission,
        )
        return await self._ask(inside.SUBMIT, asked)

    async def cancel(self, project: str, spec: ScheduleSpec, execution_id: str) -> bool:
        """Whether the execution is stopped, or was asked to."""
        asked = inside.CancelAsked(
            project=project,
            actor=f"schedule:{spec.name}",
            execution_id=execution_id,
            reason="the next tick of its schedule replaces it",
        )
        return await self._ask(inside.CANCEL, asked) is not None

    async def _ask(self, query: str, asked: msgspec.Struct) -> inside.Reply | None:
        data = await self._messages.ask(subjects.ask(inside.SERVICE, query), _encode(asked), timeout=_SECONDS)
        if data is None:
            return None
        reply = _reply.decode(data)
        problem = reply.problem
        again = problem is not None and (problem.status == _TOO_MANY or problem.status >= _BROKEN)
        return None if again else reply


def _refused(code: str, message: str) -> inside.Reply:
    return inside.Reply(problem=inside.Problem(code=code, status=422, message=message))
