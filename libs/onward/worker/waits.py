"""What a running attempt waits for: in memory while anything else moves, else suspended, without a slot."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol

from onward.contract import events as ev
from onward.contract.decide import envelope, lets_go
from onward.contract.execution import Execution, Wait
from onward.tasks.outcome import Interrupted
from onward.worker.course import Course
from onward.worker.doubt import IN_DOUBT

SHORT = 2.0
"""Sleeps up to this many seconds stay in memory."""
SLEEP = "sleep"
REASONS = {"question": "waiting_for_input", "event": "waiting_for_event", SLEEP: "sleeping"}
"""Why an execution is suspended, by what it waits for; the first that it waits for is told."""
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
        self._expiring: set[asyncio.Task[None]] = set()
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

    async def outcome(self, key: str, begin: Callable[[], Awaitable[object]]) -> Wait:
        """A wait once it is over; `begin` appends what begins it, where no earlier look at the code did."""
        if key not in self._course.hold.state.waits:
            await begin()
        await self.until(key)
        return self._course.hold.state.waits[key]

    async def until(self, key: str) -> None:
        """Return once this wait of the log is over; suspends."""
        wait = self._course.hold.state.waits[key]
        if wait.done:
            return
        self._course.check_open()
        future = self._waiting[key] = self._course.loop.create_future()
        timer = self._end_in_memory(key, wait, future)
        self._settle()
        try:
            await future
        finally:
            del self._waiting[key]
            if timer is not None:
                timer.cancel()

    def _end_in_memory(
        self, key: str, wait: Wait, future: asyncio.Future[None]
    ) -> asyncio.TimerHandle | None:
        # While other branches keep the execution in memory, a wait ends here; suspended, its timer ends it.
        if wait.until is None:
            return None
        seconds = max(0.0, (wait.until - self._course.hold.moment().now).total_seconds())
        if wait.kind == SLEEP:
            return self._course.loop.call_later(seconds, _over, future)
        return self._course.loop.call_later(seconds, self._begin_to_expire, key)

    def _begin_to_expire(self, key: str) -> None:
        task = self._course.loop.create_task(self._expire(key))
        self._expiring.add(task)
        task.add_done_callback(self._expiring.discard)

    async def _expire(self, key: str) -> None:
        """Stored first: an answer that comes meanwhile is taken, or refused for good."""
        self._course.busy()
        try:
            await self._course.decide(lambda state: self._too_late(state, key))
        except Interrupted:
            pass  # so is who waits
        except Exception as error:  # noqa: BLE001 - who waits gets it
            if (future := self._waiting.get(key)) is not None and not future.done():
                future.set_exception(error)
        finally:
            self._course.idle()

    def _too_late(self, state: Execution, key: str) -> tuple[ev.AnyEvent, ...]:
        if state.waits[key].done:
            return ()
        return (ev.WaitExpired(**envelope(state, self._course.hold.moment()), wait=key),)

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
        # What the code has let go of, but for sleeps, is still open to others: its time has to end as well.
        others = [w for w in state.waits.values() if not w.done and w.kind != SLEEP]
        due = min((w.until for w in (*waits, *others) if w.until), default=None)
        fields = {**lets_go(state, self._course.hold.moment()), "due": due, **more}
        return (ev.Suspended(**fields, reason=self._reason(waits, children=bool(more))),)

    def _reason(self, waits: list[Wait], *, children: bool) -> str:
        if any(key.startswith(IN_DOUBT) for key in self._blocked_on):
            return "in_doubt"
        kinds = {w.kind for w in waits}
        if children and "question" not in kinds:
            return "waiting_for_children"
        return next((why for kind, why in REASONS.items() if kind in kinds), REASONS[SLEEP])


def _over(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
