"""Whose turn it is: lanes share a worker's slots by weight, and what has waited long weighs more. Pure.

Start-time fair queueing: each lane has the time at which its next turn begins, by a clock that only turns move; the
earliest goes first. So a lane that has something waits for a bounded number of turns, and one that had nothing for a
while has saved nothing up.
"""

from collections.abc import Collection, Iterable, Sequence

CLASS_WEIGHTS = (12.0, 4.0, 1.0)
"""Of subjects.CLASSES. With all of them waiting, and low ones aged, high ones still get more than half."""
AGED_SECONDS = 60.0
"""After this wait a lane weighs double."""


class Turns:
    """The turns of some lanes, by their place; in a tie the first place goes first."""

    def __init__(self, weights: Sequence[float]) -> None:
        self._weights = tuple(weights)
        self._next = [0.0] * len(self._weights)
        self._ages = [0.0] * len(self._weights)
        self._clock = 0.0

    def first(self, lanes: Iterable[int]) -> int:
        """The lane among these that goes first."""
        return min(lanes, key=lambda lane: (max(self._clock, self._next[lane]), lane))

    def took(self, lane: int, age: float = 0.0) -> None:
        """A lane had its turn; what it took had waited for so many seconds."""
        begun = max(self._clock, self._next[lane])
        self._clock, self._ages[lane] = begun, age
        self._next[lane] = begun + 1.0 / self._weight(lane)

    def shares(self, most: int, lanes: Collection[int]) -> dict[int, int]:
        """How many of the next `most` turns each of these lanes has, if all of them have enough; highest first."""
        if len(lanes) == 1:
            return dict.fromkeys(lanes, most)
        following, clock = {lane: max(self._clock, self._next[lane]) for lane in lanes}, self._clock
        shares = dict.fromkeys(lanes, 0)
        for _ in range(most):
            lane = min(following, key=lambda one: (max(clock, following[one]), one))
            clock = max(clock, following[lane])
            following[lane] = clock + 1.0 / self._weight(lane)
            shares[lane] += 1
        return {lane: count for lane, count in shares.items() if count}

    def _weight(self, lane: int) -> float:
        return self._weights[lane] * (1.0 + min(max(self._ages[lane], 0.0) / AGED_SECONDS, 1.0))
