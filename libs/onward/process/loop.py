"""The one shape of background loops: `run_once(now)` again and again, whatever one round does."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from onward.process.backoff import full_jitter
from onward.process.stop import Stop

log = logging.getLogger(__name__)

RunOnce = Callable[[datetime], Awaitable[Any]]
Clock = Callable[[], datetime]

_JITTER = 0.1
_BACKOFF_CAP_SECONDS = 30.0


class MoreToDo:
    """What `run_once` returns when the next round should follow at once."""


MORE: Final = MoreToDo()


def utc_now() -> datetime:
    """Returns the time of the wall clock: the only place beside `__main__` that asks it."""
    return datetime.now(UTC)


class Loop:
    """Calls `run_once` every so often until the process stops; a failing round is logged and tried again."""

    def __init__(
        self,
        name: str,
        every: timedelta,
        run_once: RunOnce,
        *,
        clock: Clock = utc_now,
        finish_within: timedelta = timedelta(seconds=5),
    ) -> None:
        self.name = name
        self.failures = 0
        self.last_success: datetime | None = None
        self.last_error: str | None = None
        self._every = every
        self._run_once = run_once
        self._clock = clock
        self._finish_within = finish_within
        self._started: datetime | None = None
        self._poked = False
        self._rest: asyncio.Future[None] | None = None
        self._bound: asyncio.Timeout | None = None

    def poke(self) -> None:
        """Starts the next round now; not where rounds fail: whoever pokes may be why."""
        self._poked = True
        if not self.failures:
            self._wake()

    async def run(self, stop: Stop) -> None:
        """Runs rounds until the stop; a round in progress gets a moment to finish."""
        self._started = self._clock()
        asked = asyncio.ensure_future(stop.wait())
        asked.add_done_callback(self._asked_to_stop)
        try:
            while not stop.requested:
                self._poked = False
                await self._round()
                if not stop.requested:
                    await self._pause()
        finally:
            asked.cancel()

    def overdue(self, now: datetime) -> str | None:
        """Says what is wrong when the last good round is too long ago; made for a health check."""
        since = self.last_success or self._started
        if since is None:
            return f"{self.name} has not been started"
        allowed = max(self._every * 3, timedelta(seconds=30))
        if now - since <= allowed:
            return None
        silent = (now - since).total_seconds()
        return f"{self.name} has had no good round for {silent:.0f} s: {self.last_error or 'still in one'}"

    def _asked_to_stop(self, _asked: "asyncio.Future[None]") -> None:
        if self._bound is not None:
            self._bound.reschedule(asyncio.get_running_loop().time() + self._finish_within.total_seconds())
        self._wake()

    def _wake(self) -> None:
        if self._rest is not None and not self._rest.done():
            self._rest.set_result(None)

    async def _round(self) -> None:
        # No task of its own: a process at rest does little else than such rounds.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as self._bound:
                await self._attempt()
        self._bound = None

    async def _attempt(self) -> None:
        try:
            result = await self._run_once(self._clock())
        except Exception as error:
            self.failures += 1
            self.last_error = f"{type(error).__name__}: {error}"
            log.exception("%s failed, %d times in a row", self.name, self.failures)
        else:
            self.failures = 0
            self.last_error = None
            self.last_success = self._clock()
            if isinstance(result, MoreToDo):
                self.poke()

    async def _pause(self) -> None:
        seconds = self._every.total_seconds() * random.uniform(1 - _JITTER, 1 + _JITTER)
        if self.failures:
            seconds += full_jitter(self.failures, cap=_BACKOFF_CAP_SECONDS)
        elif self._poked:
            seconds = 0.0
        loop = asyncio.get_running_loop()
        self._rest = loop.create_future()
        end = loop.call_later(seconds, self._wake)
        try:
            await self._rest
        finally:
            end.cancel()
            self._rest = None
