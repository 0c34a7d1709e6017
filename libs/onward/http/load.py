"""How much is going on in this process, and when that is too much."""

import asyncio
import contextlib
from collections.abc import Iterator

from onward.http.problems import Overloaded

_LOOK_SECONDS = 0.1
_TOO_LATE_SECONDS = 1.0


class Load:
    """Requests in flight, requests parked in a long wait, and how late the event loop is."""

    def __init__(self, *, most: int = 1024, most_parked: int = 4096, most_large: int = 2) -> None:
        self.in_flight = 0
        self.parked = 0
        self.large = 0
        self.lag = 0.0
        self._most = most
        self._most_parked = most_parked
        self._most_large = most_large

    def check(self) -> None:
        """Raises Overloaded where one more request would only make everybody slower."""
        if self.in_flight > self._most:
            raise Overloaded(
                f"{self.in_flight} requests are in flight", fix="try again a little later", retry_after=1
            )
        if self.lag > _TOO_LATE_SECONDS:
            raise Overloaded(
                f"the service is {self.lag:.1f} s late", fix="try again a little later", retry_after=2
            )

    @contextlib.contextmanager
    def parking(self) -> Iterator[None]:
        """The time in which a request only waits, and takes no place from others."""
        if self.parked >= self._most_parked:
            raise Overloaded(
                f"{self.parked} requests are waiting", fix="wait with fewer requests", retry_after=5
            )
        self.parked += 1
        self.in_flight -= 1
        try:
            yield
        finally:
            self.parked -= 1
            self.in_flight += 1

    @contextlib.contextmanager
    def carrying(self, size: int) -> Iterator[None]:
        """The time in which a large body (`size` above 0) is in memory: only a few are at once."""
        if not size:
            yield
            return
        if self.large >= self._most_large:
            raise Overloaded(
                f"{self.large} large bodies are being read", fix="try again a little later", retry_after=2
            )
        self.large += 1
        try:
            yield
        finally:
            self.large -= 1

    async def watch(self) -> None:
        """Measures the lag of the loop, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)
            late = max(0.0, loop.time() - due)
            self.lag = late if late < self.lag / 2 else (self.lag + late) / 2
