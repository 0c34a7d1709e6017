"""A virtual clock for the event loop a test already has: when nothing is left to do now, time jumps to the next timer.

The loop keeps its sockets, threads and child processes. While a thread of a task, an executor or a child process is at
work, time passes as it does for everybody; it jumps only when all that is left is to wait.
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Self
from weakref import WeakKeyDictionary

from onward.tasks import context
from onward.testing.virtual_loop import VirtualLoop
from onward.worker.child_call import under_way

SLICE = 0.02
"""Real seconds after which work that is under way elsewhere is looked at again."""
PATIENCE = 0.1
"""Real seconds that open connections get to bring something before time jumps."""


_moved: "WeakKeyDictionary[asyncio.AbstractEventLoop, VirtualClock]" = WeakKeyDictionary()


class VirtualClock:
    """While it is entered, the running loop's time is virtual. A loop whose time is virtual already is left alone."""

    def __init__(self) -> None:
        self._loop: Any = asyncio.get_running_loop()
        self._now = self._loop.time()
        self._executing = 0
        self._children: list[asyncio.SubprocessTransport] = []
        self._pipes: list[asyncio.ReadTransport] = []
        self._undo: list[Callable[[], None]] = []
        self.inner: list[VirtualClock] = []
        self.stuck: Callable[[], bool] = lambda: False
        """Called when nothing will ever happen by itself; whether it changed that."""

    def __enter__(self) -> Self:
        loop = self._loop
        if (outer := _moved.get(loop)) is not None:
            outer.inner.append(self)
            self._undo.append(lambda: outer.inner.remove(self))
            return self
        if isinstance(loop, VirtualLoop):
            return self
        if not isinstance(getattr(loop, "_scheduled", None), list) or not hasattr(loop, "_selector"):
            raise TypeError(
                f"a Lab needs asyncio's own event loop, whose clock it can move; this one is {type(loop)!r}. "
                "Run the test without uvloop"
            )
        self._replace("_selector", _Selector(loop._selector, self))  # noqa: SLF001 - where a loop waits
        _moved[loop] = self
        self._undo.append(lambda: _moved.__delitem__(loop))
        self._replace("time", lambda: self._now)
        self._replace("run_in_executor", self._run_in_executor)
        for name in ("subprocess_exec", "subprocess_shell"):
            self._replace(name, _counted(getattr(loop, name), self._children))
        self._replace("connect_read_pipe", _counted(loop.connect_read_pipe, self._pipes))
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            self._undo.pop()()

    def _replace(self, name: str, value: Any) -> None:
        own, before = name in vars(self._loop), getattr(self._loop, name)
        setattr(self._loop, name, value)
        self._undo.append(
            (lambda: setattr(self._loop, name, before)) if own else (lambda: delattr(self._loop, name))
        )

    # What goes on beside the loop

    def _run_in_executor(self, executor: Any, call: Callable[..., Any], *given: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = type(self._loop).run_in_executor(self._loop, executor, call, *given)
        self._executing += 1
        future.add_done_callback(self._executed)
        return future

    def _executed(self, _: object) -> None:
        self._executing -= 1

    def _work_goes_on(self) -> bool:
        self._children[:] = [child for child in self._children if child.get_returncode() is None]
        self._pipes[:] = [pipe for pipe in self._pipes if not pipe.is_closing()]
        return bool(self._executing or self._children or self._pipes or under_way or _threads_at_work())

    # What the loop does when nothing is ready

    def wait(self, selector: Any, timeout: float | None) -> list[Any]:
        """Events of sockets; none where time was moved instead."""
        if self._work_goes_on():
            began = time.monotonic()
            events: list[Any] = selector.select(SLICE if timeout is None else min(timeout, SLICE))
            if timeout is not None:
                self._now += min(timeout, time.monotonic() - began)
            return events
        # A thread may have ended since the loop looked, and left its result.
        left: list[Any] = selector.select(0)
        if left or self._loop._ready:  # noqa: SLF001 - what call_soon_threadsafe fills
            return left
        connected = len(selector.get_map() or ()) > 1 if hasattr(selector, "get_map") else False
        if connected and (found := list(selector.select(PATIENCE))):
            return found
        timer = self._loop._scheduled[0].when() if timeout is not None else math.inf  # noqa: SLF001 - where it keeps them
        if timer == math.inf:
            told = [clock.stuck() for clock in (self, *self.inner)]
            return [] if any(told) else list(selector.select(None))
        # A hair later than asked for, so that rounding never leaves the timer a hair in the future.
        self._now = math.nextafter(max(self._now, timer), math.inf)
        return []


class _Selector:
    """The loop's selector, asked first what is there, and then for how long to wait."""

    def __init__(self, selector: Any, clock: VirtualClock) -> None:
        self._selector, self._clock = selector, clock

    def select(self, timeout: float | None = None) -> list[Any]:
        """As selectors.BaseSelector.select, in virtual time."""
        events: list[Any] = self._selector.select(0)
        if events or (timeout is not None and timeout <= 0):
            return events
        return self._clock.wait(self._selector, timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)


def _counted(start: Callable[..., Any], started: list[Any]) -> Callable[..., Any]:
    async def start_it(*given: Any, **options: Any) -> Any:
        transport, protocol = await start(*given, **options)
        started.append(transport)
        return transport, protocol

    return start_it


def _threads_at_work() -> bool:
    """Whether a thread of a task does more than wait for the loop."""
    for thread in threading.enumerate():
        if thread.name.startswith("onward-"):
            waits_for = context.waiting_threads.get(thread.ident or 0)
            if waits_for is None or waits_for.done():
                return True
    return False
