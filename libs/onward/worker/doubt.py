"""Steps that run at most once: that one begins is stored first, so that a crash leaves it in doubt, and not repeated.

What the function itself raises is a known outcome: it did not happen. A TimeoutError is not, nor is InDoubt, with which
a function says that it does not know; nor is whatever cuts it short: a crash, a cancel, a drain.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.lifecycle.changes import step_id
from onward.tasks.outcome import Fatal, InDoubt, NotDone
from onward.worker.around import StepTry
from onward.worker.call import Call
from onward.worker.course import Course

IN_DOUBT = "onward.in_doubt"
"""What the questions are called that ask whether a step has happened."""
DONE, AGAIN, FAIL = CHOICES = ("done", "again", "fail")


class Happened(msgspec.Struct, frozen=True):
    """It has happened, with this result."""

    result: Any


class Doubt:
    """Begins steps that run at most once, and finds out about those that are in doubt."""

    def __init__(self, course: Course, until: Callable[[str], Awaitable[None]]) -> None:
        self._course, self._until = course, until
        self._unsettled: set[str] = set()

    def unsettled(self, this: StepTry) -> bool:
        """Whether finding out about this step has failed, so that what it raised says nothing of the step."""
        return step_id(this) in self._unsettled

    async def at_most_once(
        self, this: StepTry, call: Call, verify: Callable[..., Any] | None, run: Callable[[], Awaitable[Any]]
    ) -> Any:
        """What the step returned, now or when it was in doubt, or what its function raises."""
        while True:
            if step_id(this) in self._course.hold.state.in_doubt:
                found = await self._settle(this, call, verify)
                if found is not None:
                    return found.result
            await self._course.append(ev.StepStarted, attempt=self._course.attempt, **this.names)
            try:
                return await run()
            except (TimeoutError, InDoubt):
                found = await self._settle(this, call, verify)
                if found is not None:
                    return found.result
                if verify is not None:
                    raise  # a failed try like any other, now that it is known
                # A person has said: again.

    async def _settle(self, this: StepTry, call: Call, verify: Callable[..., Any] | None) -> Happened | None:
        """What is known of a step in doubt; None: it did not happen."""
        self._unsettled.add(step_id(this))
        found = await (self._ask(this, call) if verify is None else self._verify(this, call, verify))
        self._unsettled.discard(step_id(this))
        return found

    async def _verify(self, this: StepTry, call: Call, verify: Callable[..., Any]) -> Happened | None:
        look = Call(verify, call.args, call.kwargs, call.timeout)
        try:
            return Happened(await look.run(self._course, this.scope, this.name, this.key))
        except NotDone:
            return None

    async def _ask(self, this: StepTry, call: Call) -> Happened | None:
        state = self._course.hold.state
        key = f"{IN_DOUBT}.{state.in_doubt[step_id(this)]}.{state.lives}"
        shown = f"{this.scope}/{this.name}{this.key}".lstrip("/")
        text = f"Step {shown} of {state.task} began, and nobody knows whether it happened. Did it?"
        self._course.idle()  # a step that waits for a person holds no slot
        try:
            if key not in state.waits:
                await self._course.append(ev.QuestionAsked, wait=key, text=text, choices=CHOICES)
            await self._until(key)
        finally:
            self._course.busy()
        answer = msgspec.json.decode(self._course.hold.state.waits[key].answer or b"null")
        if answer == AGAIN:
            return None
        if answer != DONE:
            raise Fatal(f"step {shown} is in doubt, and was given up")
        try:
            return Happened(call.read(msgspec.Raw(b"null")))
        except msgspec.ValidationError:
            raise Fatal(
                f"step {shown} has happened, but its result is missing: edit the step, then retry"
            ) from None
