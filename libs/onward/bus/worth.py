"""From how many decisions on one atomic batch costs less than a message for each: measured, not known.

A batch costs a server that stages it on disk 2.5 ms and a single 0.3 ms, so up to eight are faster one by one; staged
in memory (docs/adr/0021), it pays from the third on (measured, R1, fsync on, 2 cores).
"""

import time
from collections.abc import Callable

MOST, LEAST = 8, 2
AGAIN_AFTER = 10.0
"""Seconds after which a batch is tried once more: the server may have been started anew."""
_SMALL = 16
"""Members of a batch whose time says what a batch costs by itself."""
_FORGOTTEN = 1.02
"""The least of lately says what it costs, all above is what else the server did; it may grow by so much each time."""


class Worth:
    """What the two have taken lately, of those that had the stream to themselves."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._single = self._batch = 0.0
        self._few = LEAST
        self._tried_at = clock() - AGAIN_AFTER

    @property
    def few(self) -> int:
        """Up to so many go one by one."""
        return LEAST if self._few > LEAST and self._clock() - self._tried_at > AGAIN_AFTER else self._few

    def took(self, seconds: float, members: int) -> None:
        """One message, or a batch of so many, was stored in this time, with nothing else of ours on its way."""
        if members == 1:
            self._single = _least(self._single, seconds)
        elif members <= _SMALL:
            self._batch, self._tried_at = _least(self._batch, seconds), self._clock()
        if self._single and self._batch:
            self._few = min(MOST, max(LEAST, round(self._batch / self._single)))


def _least(before: float, now: float) -> float:
    return min(before * _FORGOTTEN, now) if before else now
