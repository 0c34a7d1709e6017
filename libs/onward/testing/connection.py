"""One process' way to the bus in memory: requests take time, get lost, and end for good when the process dies."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from random import Random
from typing import Any, NoReturn, TypeVar

from onward.contract.errors import OnwardError
from onward.testing.faults import CALM, Faults

T = TypeVar("T")

REQUEST_TIMEOUT = 1.0
"""Seconds until a caller takes a request for unanswered."""

_inside: ContextVar["Connection | None"] = ContextVar("onward_testing_process", default=None)


class Unanswered(Exception):
    """Nobody knows whether the request was carried out."""


class Connection:
    """A process and its connection: its tasks, its faults, and the moment it dies."""

    def __init__(self, name: str, random: Random, faults: Faults = CALM) -> None:
        self.name, self.random, self.faults = name, random, faults
        self.dead, self.calls = False, 0
        # Not a set: the order in which they are cancelled must be the same in every run of a seed.
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._open = asyncio.Event()
        self._open.set()
        self._dies_at: tuple[int, bool] | None = None

    # The process

    def run(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task of this process; whatever it starts belongs to the process too."""
        loop = asyncio.get_running_loop()
        if loop.get_task_factory() is None:
            loop.set_task_factory(_of_its_process)
        token = _inside.set(self)
        try:
            return loop.create_task(coro)
        finally:
            _inside.reset(token)

    def kill(self) -> None:
        """The process is gone at once: no more of its code takes effect."""
        self.dead = True
        for task in list(self._tasks):
            task.cancel()

    async def gone(self) -> None:
        """Return when the tasks of the killed process have ended, or would not within 5 s."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)

    def kill_at(self, call: int, *, after: bool) -> None:
        """The process is gone at its `call`-th request: before that takes effect, or right after it did."""
        self._dies_at = (call, after)

    def cut(self) -> None:
        """From here on nothing gets through, in neither direction, until `heal`."""
        self._open.clear()

    def heal(self) -> None:
        """What was held up arrives now."""
        self._open.set()

    # Its requests

    async def call(self, act: Callable[[], T], *, later: bool = False) -> T:
        """What `act` gives, carried out at one instant of the journey there and back.

        Raises Unanswered when the faults say so; `later` allows that `act` happens after that.
        """
        self.calls += 1
        number = self.calls
        await self._travel()
        self._die_if_due(number, after=False)
        if self.random.random() >= self.faults.unanswered:
            result = act()
        else:
            await self._lose(act, later=later)
        self._die_if_due(number, after=True)
        await self._travel()
        return result

    async def _lose(self, act: Callable[[], Any], *, later: bool) -> NoReturn:
        loop, fate = asyncio.get_running_loop(), self.random.random()
        if fate < 1 / 3:
            _quietly(act)
        elif fate < 2 / 3 and later:
            loop.call_later(REQUEST_TIMEOUT * (1 + 3 * self.random.random()), _quietly, act)
        await asyncio.sleep(REQUEST_TIMEOUT)
        self.check()
        raise Unanswered

    async def _travel(self) -> None:
        self.check()
        if self.faults.delay:
            await asyncio.sleep(self.faults.delay * self.random.random())
        else:
            await asyncio.sleep(0)
        if not self._open.is_set():
            await self._open.wait()
        self.check()

    def check(self) -> None:
        """Raises CancelledError in a process that is gone."""
        if self.dead:
            raise asyncio.CancelledError(f"{self.name} is dead")

    def _die_if_due(self, number: int, *, after: bool) -> None:
        if self._dies_at == (number, after):
            self.kill()
            self.check()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Count a task among those of this process."""
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)


def _quietly(act: Callable[[], Any]) -> None:
    try:
        act()
    except OnwardError:
        return


def _of_its_process(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
    process = _inside.get()
    if process is not None:
        process.adopt(task)
    return task
