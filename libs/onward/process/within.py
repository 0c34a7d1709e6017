"""A bound on waits of which there are very many and hardly one is ever late.

`asyncio.timeout` sets a timer for each: that is a tenth of what a gateway spends on a submission (measured). Here one
timer looks at all of them, so that one is told up to `GRAIN` seconds late.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

GRAIN = 0.1


class Within:
    """`with bounds.within(seconds)`, for the loop in which it is made. Raises TimeoutError."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waits: set[Wait] = set()
        self._looking = False

    def within(self, seconds: float) -> "Wait":
        """A context that is left with TimeoutError once it has taken so long."""
        return Wait(self, self._loop, seconds)

    def watch(self, wait: "Wait") -> None:
        """It has begun."""
        self._waits.add(wait)
        if not self._looking:
            self._looking = True
            self._loop.call_later(GRAIN, self._look)

    def forget(self, wait: "Wait") -> None:
        """It has ended."""
        self._waits.discard(wait)

    def move(self) -> asyncio.AbstractEventLoop:
        """Another loop runs now; what was bounded in the one before has ended with it."""
        self._loop, self._waits, self._looking = asyncio.get_running_loop(), set(), False
        return self._loop

    def _look(self) -> None:
        now = self._loop.time()
        for wait in [wait for wait in self._waits if wait.end <= now]:
            wait.expire()
        self._looking = bool(self._waits)
        if self._looking:
            self._loop.call_later(GRAIN, self._look)


class Wait:
    """One of them."""

    __slots__ = ("_among", "_cancels", "_expired", "_loop", "_seconds", "_task", "end")

    def __init__(self, among: Within, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._among, self._loop, self._seconds = among, loop, seconds
        self._expired = False
        self._cancels = 0
        self._task: asyncio.Task[Any] | None = None
        self.end = 0.0

    def expire(self) -> None:
        """Its time is over."""
        self._among.forget(self)
        self._expired = True
        if self._task is not None:
            self._task.cancel()

    def __enter__(self) -> Self:
        # Asked of the loop that is known: without one, each of these costs a system call.
        self._task = asyncio.current_task(self._loop)
        if self._task is None:
            self._loop = self._among.move()
            self._task = asyncio.current_task(self._loop)
            if self._task is None:
                raise RuntimeError("only a task can be bounded")
        self._cancels = self._task.cancelling()
        self.end = self._loop.time() + self._seconds
        self._among.watch(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._among.forget(self)
        if self._expired and self._task is not None:
            ours = self._task.uncancel() <= self._cancels
            if ours and kind is asyncio.CancelledError:
                raise TimeoutError from error
