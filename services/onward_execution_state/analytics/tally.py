"""Ends added up: how many, how long they waited and ran. Pure; tallies of parts add up to the tally of the whole."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from onward_execution_state.analytics.sketch import added, slot_of
from onward_execution_state.ended import Kind, number_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
MARGINS = ("", "task", "queue", "environment", "agent_id", "team_id", "version")
"""Kinds are summed up, too: of the whole project, and by each of these alone. Most answers read no more."""


class Measure(msgspec.Struct):
    """Milliseconds of one sort."""

    count: int = 0
    total: float = 0.0
    least: float | None = None
    most: float | None = None
    slots: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, value: float) -> None:
        """One more value."""
        self.count += 1
        self.total += value
        self.least = value if self.least is None else min(self.least, value)
        self.most = value if self.most is None else max(self.most, value)
        slot = slot_of(value)
        self.slots[slot] = self.slots.get(slot, 0) + 1

    def add_all(self, other: "Measure") -> None:
        """What another one has."""
        if not other.count or other.least is None or other.most is None:
            return
        self.count += other.count
        self.total += other.total
        self.least = other.least if self.least is None else min(self.least, other.least)
        self.most = other.most if self.most is None else max(self.most, other.most)
        added(self.slots, other.slots)


class Tally(msgspec.Struct):
    """So many ends of one kind and outcome in one span of time."""

    count: int = 0
    wait: Measure = msgspec.field(default_factory=Measure)
    duration: Measure = msgspec.field(default_factory=Measure)

    def add_all(self, other: "Tally") -> None:
        """What another one has."""
        self.count += other.count
        self.wait.add_all(other.wait)
        self.duration.add_all(other.duration)


class Cell(NamedTuple):
    """What a tally is about; `at` is the beginning of its span of `grain` seconds."""

    kind: int
    grain: int
    at: datetime
    outcome: str


Tallies = dict[Cell, Tally]


def by_minute(ends: Iterable[Any]) -> Tallies:
    """Ends, each with kind, at, outcome, wait_ms and duration_ms, by minute."""
    found: Tallies = {}
    for end in ends:
        cell = Cell(end["kind"], MINUTE, floor(end["at"], MINUTE), end["outcome"])
        tally = found.get(cell) or found.setdefault(cell, Tally())
        tally.count += 1
        if end["wait_ms"] is not None:
            tally.wait.add(end["wait_ms"])
        if end["duration_ms"] is not None:
            tally.duration.add(end["duration_ms"])
    return found


def with_sums(minutes: Tallies, kinds: dict[int, Kind], minutes_from: datetime) -> Tallies:
    """Days, hours, and from some moment on minutes, by kind and by each margin."""
    sums = {kind: [kind, *(number for number, _, _ in margins_of(kinds[kind]))] for kind in kinds}
    found: Tallies = {}
    for cell, tally in minutes.items():
        for grain in (MINUTE, HOUR, DAY) if cell.at >= minutes_from else (HOUR, DAY):
            at = floor(cell.at, grain)
            for kind in sums[cell.kind]:
                wider = Cell(kind, grain, at, cell.outcome)
                (found.get(wider) or found.setdefault(wider, Tally())).add_all(tally)
    return found


def margins_of(kind: Kind) -> Iterator[tuple[int, str, Kind]]:
    """The number, the margin, and what is left of the kind in it; those without an agent are a margin, too."""
    for margin in MARGINS:
        left = (
            each if name in {"project", margin} else None
            for name, each in zip(kind._fields, kind, strict=True)
        )
        rest = Kind(*left)  # type: ignore[arg-type]  # the project is always left
        yield number_of(rest, margin), margin, rest


def floor(at: datetime, grain: int) -> datetime:
    """The beginning of the span that a moment lies in."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % grain, UTC)
