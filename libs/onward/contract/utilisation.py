"""How busy workers were: used slot-time over the slot-time there was, from counts that only grow. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

MINUTE = timedelta(minutes=1)
Place = tuple[datetime, str]
"""A minute, and a queue; an empty one stands for the whole worker."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker has counted since its start, in slot-milliseconds, as heard at one moment."""

    at: datetime
    available: int = 0
    busy: dict[str, int] = {}


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """One worker, one queue, or all together, over a time; `utilisation` is null where no slot was there."""

    name: str
    busy_ms: int
    available_ms: int
    utilisation: float | None


class Utilisation(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the workers were from `since` until `until`, in whole minutes."""

    since: datetime
    until: datetime
    by: str
    items: list[Busy]


def minutes(before: Count, heard: Iterable[Count]) -> dict[Place, tuple[float, float]]:
    """Busy and available slot-milliseconds of each minute, from one count to the next; evenly between them."""
    found: dict[Place, tuple[float, float]] = {}
    for earlier, later in pairwise([before, *heard]):
        grown = {queue: count - earlier.busy.get(queue, 0) for queue, count in later.busy.items()}
        grown[""] = sum(grown.values())
        for minute, share in _shares(earlier.at, later.at):
            for queue, busy in grown.items():
                had = found.get((minute, queue), (0.0, 0.0))
                there = (later.available - earlier.available) * share
                found[minute, queue] = (had[0] + busy * share, had[1] + there)
    return found


def _shares(start: datetime, end: datetime) -> Iterable[tuple[datetime, float]]:
    whole = (end - start).total_seconds()
    if whole <= 0:
        yield _minute(end), 1.0
        return
    minute = _minute(start)
    while minute < end:
        inside = (min(end, minute + MINUTE) - max(start, minute)).total_seconds()
        yield minute, inside / whole
        minute += MINUTE


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
