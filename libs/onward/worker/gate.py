"""Where something new begins in a running attempt. It is shut while the execution is paused: then nothing does."""

import asyncio
from collections.abc import Callable

from onward.tasks.outcome import Interrupted

SETTLE = 0.02
"""Seconds in which nothing else moves before a paused attempt lets go."""


class Gate:
    """`busy` says how many steps run or wait here; when all of them wait here, `let_go` is called."""

    def __init__(self, *, shut: bool, busy: Callable[[], int], let_go: Callable[[], None]) -> None:
        self.shut = shut
        self._busy, self._let_go = busy, let_go
        self._waiting: list[asyncio.Future[None]] = []
        self._quiet: asyncio.TimerHandle | None = None

    async def wait(self) -> None:
        """Wait until it is open. Raises Interrupted where the attempt ends before that."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self.settle()
        try:
            await future
        finally:
            self._waiting.remove(future)

    def turn(self, *, shut: bool) -> None:
        """Shut it, or open it and let all through who wait."""
        self.shut = shut
        if not shut:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)

    def break_up(self, why: str) -> None:
        """The attempt ends: nobody is let through any more."""
        for future in self._waiting:
            if not future.done():
                future.set_exception(Interrupted(why))

    def settle(self) -> None:
        """Let go soon, if all that is left to do waits here."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if self._waits():
            self._quiet = asyncio.get_running_loop().call_later(SETTLE, self._let_go_if_quiet)

    def _let_go_if_quiet(self) -> None:
        if self._waits():
            self._let_go()

    def _waits(self) -> bool:
        return self.shut and bool(self._waiting) and self._busy() == len(self._waiting)
