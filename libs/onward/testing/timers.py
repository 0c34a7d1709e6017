"""TIMERS in memory, and the timekeeper that fills them from events."""

import asyncio

from onward.contract import subjects
from onward.contract.events import TERMINAL, Event
from onward.contract.log import Stored
from onward.testing.work import WorkQueue


class Timers:
    """Schedules by subject: a new one replaces an older one of the same subject; a fired one becomes a hint."""

    def __init__(self, work: WorkQueue) -> None:
        self._work = work
        self.set: dict[str, asyncio.TimerHandle] = {}

    def keep(self, stored: Stored, seconds: float) -> None:
        """Fire in so many seconds for the event that asked."""
        self._keep(self.subject(stored), stored, stored.event.routes[-1], seconds)

    def keep_deadline(self, stored: Stored, kind: str, seconds: float) -> None:
        """The same for a deadline that it asked for."""
        event = stored.event
        subject = subjects.timer(event.project, event.execution_id, stored.sequence, kind)
        self._keep(subject, stored, f"{subjects.DEADLINES}.{kind}", seconds)

    def _keep(self, subject: str, stored: Stored, route: str, seconds: float) -> None:
        self._drop(subject)
        loop = asyncio.get_running_loop()
        self.set[subject] = loop.call_later(max(0.0, seconds), self._fire, subject, stored, route)

    def subject(self, stored: Stored) -> str:
        """Where the schedule of this event stands (PROTOCOL M1)."""
        event = stored.event
        return subjects.timer(event.project, event.execution_id, stored.sequence)

    def purge(self, project: str, execution_id: str) -> None:
        """Drop all schedules of one execution."""
        prefix = subjects.timers_of(project, execution_id).removesuffix("*")
        for subject in [s for s in self.set if s.startswith(prefix)]:
            self._drop(subject)

    def _drop(self, subject: str) -> None:
        handle = self.set.pop(subject, None)
        if handle is not None:
            handle.cancel()

    def _fire(self, subject: str, stored: Stored, route: str) -> None:
        event = stored.event
        del self.set[subject]
        self._work.put(
            event.project,
            route,
            event.execution_id,
            n=event.n,
            floor=stored.sequence,
            fired=event.n,
        )


def asks_for_timer(stored: Stored) -> bool:
    """Whether the timekeeper sets a timer for this event."""
    return isinstance(stored.event, Event) and (stored.event.due is not None or bool(stored.event.deadlines))


def ends_timers(stored: Stored) -> bool:
    """Whether no timer of this execution is of any use any more."""
    return isinstance(stored.event, TERMINAL)
