"""An event loop without a clock or sockets: time jumps to the next timer, a seed decides who runs first.

The same seed gives the same run, to the last callback, so that whatever a simulation finds can be looked at again.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class Deadlock(Exception):
    """Everybody waits, and no timer is left that could wake anybody."""


class Livelock(Exception):
    """Callbacks go round in circles and time stands still."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order drawn from `seed`, and moves its time only when nothing is."""

    can_have_children = False
    """Nothing outside of it could tell it anything: what would run in a process of its own runs here."""
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, seed: int | str, *, rounds_at_once: int = 100_000) -> None:
        super().__init__()
        self._random = Random(f"loop {seed}")
        self._now, self._rounds, self._rounds_at_once = 0.0, 0, rounds_at_once
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        """Its own; asyncio knows those of all loops at once, and takes long to tell them apart."""
        self.faults: list[dict[str, Any]] = []
        """What was raised where nobody looks, such as in a task that is never awaited."""
        self.set_exception_handler(lambda _, context: self.faults.append(context))

    def time(self) -> float:
        """Seconds since the simulation began."""
        return self._now

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """See asyncio.BaseEventLoop."""
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self.tasks.add(task)
        return task

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)
        if not self._ready:
            self._jump()
        while self._scheduled and self._scheduled[0].when() <= self._now:
            self._ready.append(heapq.heappop(self._scheduled))
        self._rounds += 1
        if self._rounds > self._rounds_at_once:
            raise Livelock(f"{self._rounds} rounds of callbacks at {self._now} s")
        batch = list(self._ready)
        self._ready.clear()
        self._random.shuffle(batch)
        for handle in batch:
            if not handle.cancelled():
                handle._run()  # noqa: SLF001 - what BaseEventLoop does with it

    def _jump(self) -> None:
        if not self._scheduled:
            raise Deadlock(f"nothing is left to happen at {self._now} s")
        if self._scheduled[0].when() > self._now:
            self._now, self._rounds = self._scheduled[0].when(), 0

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their turn comes."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There are no other threads."""


def simulate(seed: int | str, main: Callable[[Random], Coroutine[Any, Any, T]]) -> T:
    """What `main(random)` returns, run to its end on a virtual loop; tasks it leaves behind are cancelled.

    Raises what `main` raises, Deadlock, Livelock, or the first error of a task that nobody awaited.
    """
    loop = VirtualLoop(seed)
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(main(Random(f"main {seed}")))
        _end(loop)
        if loop.faults:
            fault = loop.faults[0]
            raise fault.get("exception") or RuntimeError(fault["message"])
        return result
    finally:
        _end(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _end(loop: VirtualLoop) -> None:
    while left := [task for task in loop.tasks if not task.done()]:
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=60))
    loop.run_until_complete(loop.shutdown_asyncgens())
