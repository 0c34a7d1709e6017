"""What a limit keeper has going on beside its rounds: tasks, timers, and hints to ack and renew."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from onward.bus.ports import GateSource
from onward.contract.decide import Hint
from onward.contract.errors import Unavailable
from onward.contract.limit_round import Key

Run = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Errands:
    """Keeps hold of what is begun until it is over."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tasks: set[asyncio.Task[None]] = set()
        self._budget: dict[Key, asyncio.TimerHandle] = {}
        self.hints: GateSource | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a piece of work that nobody waits for."""
        task = self._run(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
        """Do it after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, act)

    def at_budget(self, key: Key, seconds: float, act: Callable[[], None]) -> None:
        """Do it when the rate of a key has its next token; a later word about this key replaces it."""
        if (before := self._budget.get(key)) is not None:
            before.cancel()

        def has_budget() -> None:
            self._budget.pop(key, None)
            act()

        self._budget[key] = self.later(max(0.0, seconds), has_budget)

    def ack(self, done: Iterable[Hint]) -> None:
        """Be done with these hints."""
        self.start(self.acked(list(done)))

    async def acked(self, done: list[Hint]) -> None:
        """The same, over when it is done."""
        for hint in done:
            with contextlib.suppress(Unavailable):  # it comes again, and finds nothing to do
                if self.hints is not None:
                    await self.hints.ack(hint)

    async def renew(self, every: float, held: Callable[[], list[str]]) -> None:
        """Go on holding these hints, for ever."""
        while True:
            await asyncio.sleep(every)
            with contextlib.suppress(Unavailable):
                if self.hints is not None:
                    await self.hints.renew(held())
