"""What a running attempt waits for: in memory while anything else moves, else suspended, without a slot."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from onward.contract import events as ev
from onward.contract.decide import envelope
from onward.contract.execution import Execution, Wait
from onward.tasks import codec
from onward.tasks.outcome import Interrupted
from onward.worker.course import Course
from onward.worker.doubt import IN_DOUBT

SHORT = 2.0
"""Sleeps up to this many seconds stay in memory."""
SETTLE = 0.02
"""Seconds in which nothing else moves before a waiting execution is suspended."""


class Part(Protocol):
    """Something else that a running attempt waits for."""

    settle: Callable[[], None]
    """To be called when a wait begins."""

    @property
    def waits(self) -> bool:
        """Whether anything waits."""
        ...

    @property
    def moves(self) -> bool:
        """Whether a wait has just ended, and its code goes on."""
        ...

    @property
    def patience(self) -> float:
        """Seconds in which nothing else moves before the attempt is suspended."""
        ...

    def suspension(self, state: Execution) -> dict[str, Any] | None:
        """The members of the event that lets go; None where a wait is over by now."""
        ...


class Waits:
    """The waits of one attempt."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._blocked_on: tuple[str, ...] = ()
        self._quiet: asyncio.TimerHandle | None = None
        self._parts: list[Part] = []
        course.on_interrupt.append(self._interrupt)
        course.on_news.append(self._noticed)
        course.on_idle.append(self._settle)

    def also(self, part: Part) -> None:
        """Take this into account as well."""
        self._parts.append(part)
        part.settle = self._settle

    def _interrupt(self, why: str) -> None:
        """End all waiting with Interrupted; what was waited for decides how the attempt is suspended."""
        self._blocked_on = tuple(self._waiting)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Interrupted(why))

    def _noticed(self, state: Execution) -> None:
        """Something was appended by somebody else: end the waits that are over."""
        for key, future in self._waiting.items():
            wait = state.waits.get(key)
            if wait is not None and wait.done and not future.done():
                future.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Sleep; above 2 s durably."""
        if seconds <= SHORT:
            await asyncio.sleep(seconds)
            return
        key = self._course.places.wait("sleep")
        if key not in self._course.hold.state.waits:
            until = self._course.hold.moment().now + timedelta(seconds=seconds)
            await self._course.append(ev.Slept, wait=key, until=until)
        await self.until(key)

    async def ask(self, text: str, choices: tuple[str, ...], wanted: Any) -> Any:
        """The answer a person gave, as `wanted`; suspends until there is one."""
        key = self._course.places.wait("question").replace("/", ".").replace("#", "-")
        if key not in self._course.hold.state.waits:
            schema = None if wanted is None or choices else codec.schema(wanted)
            raw = None if schema is None else msgspec.Raw(msgspec.json.encode(schema))
            await self._course.append(ev.QuestionAsked, wait=key, text=text, choices=choices, schema=raw)
        await self.until(key)
        answer = self._course.hold.state.waits[key].answer
        return codec.decode(answer or b"null", Any if wanted is None else wanted)

    async def until(self, key: str) -> None:
        """Return once this wait of the log is over; suspends."""
        wait = self._course.hold.state.waits[key]
        if wait.done:
            return
        self._course.check_open()
        future = self._waiting[key] = self._course.loop.create_future()
        timer = self._end_in_memory(wait, future)
        self._settle()
        try:
            await future
        finally:
            del self._waiting[key]
            if timer is not None:
                timer.cancel()

    def _end_in_memory(self, wait: Wait, future: asyncio.Future[None]) -> asyncio.TimerHandle | None:
        # While other branches keep the execution in memory, a sleep ends here; suspended, its timer ends it.
        if wait.until is None:
            return None
        seconds = (wait.until - self._course.hold.moment().now).total_seconds()
        return self._course.loop.call_later(max(0.0, seconds), _over, future)

    def _settle(self) -> None:
        """Suspend soon, if all that is left to do is to wait."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        waiting = [part for part in self._parts if part.waits]
        if not (self._waiting or waiting) or self._course.steps_in_flight or self._course.interrupted:
            return
        seconds = max([SETTLE, *(part.patience for part in waiting)])
        self._quiet = self._course.loop.call_later(seconds, self._suspend_if_quiet)

    def _suspend_if_quiet(self) -> None:
        moves = any(f.done() for f in self._waiting.values()) or any(part.moves for part in self._parts)
        waits = self._waiting or any(part.waits for part in self._parts)
        if waits and not moves and not self._course.steps_in_flight:
            self._course.interrupt("suspend")

    def suspension(self, state: Execution) -> tuple[ev.AnyEvent, ...]:
        """The event that lets go of an execution that only waits; none where a wait is over by now."""
        waits = [state.waits[key] for key in self._blocked_on]
        if any(w.done for w in waits):
            return ()
        more: dict[str, Any] = {}
        for part in self._parts:
            members = part.suspension(state)
            if members is None:
                return ()
            more |= members
        due = min((w.until for w in waits if w.until), default=None)
        reason = "waiting_for_children" if more else "sleeping"
        if any(w.kind == "question" for w in waits):
            reason = "waiting_for_input"
        if any(key.startswith(IN_DOUBT) for key in self._blocked_on):
            reason = "in_doubt"
        fields = {**envelope(state, self._course.hold.moment()), "due": due, **more}
        return (ev.Suspended(**fields, reason=reason),)


def _over(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
