"""How full EVENTS is: beyond a mark new submissions are refused, so that running work can end (PROTOCOL A6)."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from onward.bus.streams import NoStream
from onward.contract.errors import StoreFull

Usage = Callable[[], Awaitable[tuple[int, int]]]
"""Bytes in use and allowed; allowed is 0 or less where nothing limits them."""

_RETRY_SECONDS = 30.0


class Store:
    """The last known share of EVENTS in use."""

    def __init__(self, usage: Usage, full_at: float) -> None:
        self.share = 0.0
        self._gone: str | None = None
        self._usage = usage
        self._full_at = full_at

    def check(self) -> None:
        """Raises StoreFull where new work may not come in any more."""
        if (full := self.full()) is not None:
            fix = "let retention purge, or give EVENTS more max_bytes; running work goes on"
            raise StoreFull(full, fix=fix, retry_after=_RETRY_SECONDS)

    def full(self) -> str | None:
        """Why nothing new may come in, or None."""
        if self.share < self._full_at:
            return None
        return (
            f"the event store is {self.share:.0%} full; from {self._full_at:.0%} on nothing new is accepted"
        )

    def trouble(self) -> str | None:
        """Why nothing can be stored as far as this knows, or None."""
        return self._gone or self.full()

    async def look(self, _now: datetime) -> None:
        """Measures it; one round of a loop."""
        try:
            used, allowed = await self._usage()
        except NoStream as gone:
            self._gone = f"{gone}; {gone.fix}"
            raise
        self._gone = None
        self.share = used / allowed if allowed > 0 else 0.0
