"""An EVENTS that was recorded: only what the projection asks of it."""

import bisect
from collections.abc import Sequence

from onward.bus.ports import Raw


class Recorded:
    """Messages in order of their sequence; more may be added."""

    def __init__(self, raws: Sequence[Raw] = ()) -> None:
        self.raws = list(raws)

    async def scan(self, after: int, most: int) -> list[Raw]:
        first = bisect.bisect_right(self.raws, after, key=lambda raw: raw.sequence)
        return self.raws[first : first + most]
