"""A histogram whose quantiles are right to 2 %, however many values went in: two of them add up to one.

A value belongs to a slot; each slot ends 4.08 % above the one before it, so that the middle of a slot is within 2 % of
all that is in it. Ten years in milliseconds are slot 780, so no sketch has more slots than that.
"""

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate

ACCURACY = 0.02
LEAST = 0.01
"""Milliseconds; what is shorter counts as nothing."""
_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GROWTH = math.log(_GROWTH)


def slot_of(value: float) -> int:
    """The slot of a value."""
    return 0 if value <= LEAST else max(1, math.ceil(math.log(value / LEAST) / _LOG_GROWTH))


def value_of(slot: int) -> float:
    """What a value in this slot is taken for."""
    return 0.0 if slot <= 0 else float(LEAST * _GROWTH**slot * 2 / (_GROWTH + 1))


def quantile(slots: Iterable[tuple[int, int]], share: float) -> float | None:
    """What `share` of the values do not exceed, from (slot, how many) in any order; None where there is no value."""
    return quantiles(slots, (share,))[0]


def quantiles(slots: Iterable[tuple[int, int]], shares: Iterable[float]) -> list[float | None]:
    """The same for several shares."""
    ordered = sorted(slots)
    upto = list(accumulate(count for _, count in ordered))
    if not upto or upto[-1] == 0:
        return [None for _ in shares]
    wanted = (max(1, math.ceil(share * upto[-1])) for share in shares)
    return [value_of(ordered[bisect_left(upto, each)][0]) for each in wanted]


def packed(slots: Mapping[int, int]) -> tuple[bytes, bytes]:
    """A sketch as it is stored: its slots, and how many are in each."""
    return _bytes("H", slots), _bytes("I", slots.values())


def unpacked(slots: bytes, counts: bytes) -> dict[int, int]:
    """One sketch as it was stored."""
    return dict(zip(_numbers("H", slots), _numbers("I", counts), strict=True))


def total(slots: bytes, counts: bytes) -> dict[int, int]:
    """The sum of many, stored one after the other."""
    places = _numbers("H", slots)
    found = [0] * (max(places, default=0) + 1)
    for slot, count in zip(places, _numbers("I", counts), strict=True):
        found[slot] += count
    return {slot: count for slot, count in enumerate(found) if count}


def added(slots: dict[int, int], more: Mapping[int, int]) -> None:
    """Adds one sketch to another."""
    for slot, count in more.items():
        slots[slot] = slots.get(slot, 0) + count


def _bytes(kind: str, numbers: Iterable[int]) -> bytes:
    made = array(kind, numbers)
    if sys.byteorder == "little":
        made.byteswap()
    return made.tobytes()


def _numbers(kind: str, stored: bytes) -> "array[int]":
    found = array(kind, stored)
    if sys.byteorder == "little":
        found.byteswap()
    return found
