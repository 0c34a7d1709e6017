"""The limits of a running attempt, kept by its worker: of the attempt, the execution, and between signs of life.

The execution's limit is kept by its timer as well (contract.decide.overdue), for when no worker holds it.
"""

import asyncio

from onward.contract.events import Failure
from onward.contract.execution import Execution
from onward.worker.course import Course
from onward.worker.failure import timed_out


class Limits:
    """Stops the code when the first of its limits is reached; they may change while it runs."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._timeouts = course.hold.state.timeouts
        self._timer: asyncio.TimerHandle | None = None
        course.on_news.append(self._heard)
        self._look()

    def end(self) -> None:
        """The code has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._course.on_news.remove(self._heard)

    def _heard(self, state: Execution) -> None:
        if state.timeouts is not self._timeouts and state.timeouts != self._timeouts:
            self._timeouts = state.timeouts
            self._look()

    def _look(self) -> None:
        """Stop the code, or look again when the nearest limit may be reached."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        limits = self._limits()
        if not limits:
            return
        at, error = min(limits, key=lambda limit: limit[0])
        if at <= self._course.loop.time():
            self._course.end_with("timed_out", error)
        else:
            self._timer = self._course.loop.call_at(at, self._look)

    def _limits(self) -> list[tuple[float, Failure]]:
        course, state = self._course, self._course.hold.state
        timeouts, found = state.timeouts, []
        if timeouts.attempt is not None:
            error = timed_out(f"the attempt took longer than {timeouts.attempt:g} s", state.retry)
            found.append((course.began + timeouts.attempt, error))
        if timeouts.heartbeat is not None:
            error = timed_out(f"no sign of life for {timeouts.heartbeat:g} s", state.retry)
            found.append((course.sign_of_life + timeouts.heartbeat, error))
        if (due := state.deadlines.get("execution")) is not None:
            left = (due - course.hold.moment().now).total_seconds()
            # Another attempt would be as late.
            error = timed_out(f"the execution took longer than its limit: {timeouts.execution:g} s", None)
            found.append((course.loop.time() + left, error))
        return found
