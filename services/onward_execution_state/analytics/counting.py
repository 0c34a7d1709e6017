"""The loop that counts: takes the ends that came since it last looked, adds them up, and moves on in one transaction.

It never counts an end twice, because its place and its sums move together; it never misses one, because ends are
numbered in the order in which their transactions commit: one projector writes them, on one connection.
"""

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from onward.process.loop import MORE, MoreToDo
from onward.process.metrics import Metrics
from onward_execution_state import rows
from onward_execution_state.analytics import failures, step_times
from onward_execution_state.analytics.meters import EndMeters
from onward_execution_state.analytics.sketch import packed, unpacked
from onward_execution_state.analytics.tally import (
    MINUTE,
    Cell,
    Measure,
    Tallies,
    Tally,
    by_minute,
    margins_of,
    with_sums,
)
from onward_execution_state.database import Connection
from onward_execution_state.ended import Kind
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load

_SQL = load("rollups.sql")


MINUTES_KEPT = timedelta(days=8)


class CountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How many at once, and how long the finest sums are kept."""

    page: int = 2000
    minutes_kept: timedelta = MINUTES_KEPT


class Counter:
    """Keeps the rollups up to the projection."""

    def __init__(self, settings: CountSettings, leader: Leader, metrics: Metrics) -> None:
        self._settings, self._leader, self._meters = settings, leader, EndMeters(metrics)
        self._pruned: datetime | None = None

    async def run_once(self, now: datetime) -> MoreToDo | int:
        """Counts one page of ends; how many, or MORE where others wait."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return 0
        counted = await count(postgres, self._settings.page, now - self._settings.minutes_kept, self._meters)
        if counted == self._settings.page:
            return MORE
        if self._pruned is None or now - self._pruned > timedelta(hours=1):
            await postgres.execute(_SQL["prune"], MINUTE, now - self._settings.minutes_kept)
            self._pruned = now
        return counted


async def count(
    postgres: Connection, most: int, minutes_from: datetime, meters: EndMeters | None = None
) -> int:
    """Counts up to so many ends; 0 where all are counted. Minutes before `minutes_from` would soon be pruned."""
    async with postgres.transaction():
        position = await postgres.fetchval(_SQL["position"]) or 0
        ends = await postgres.fetch(_SQL["uncounted"], position, most)
        if not ends:
            return 0
        kinds = await _kinds(postgres, {end["kind"] for end in ends})
        await _add(postgres, with_sums(by_minute(ends), kinds, minutes_from))
        await failures.add(postgres, [end for end in ends if end["fingerprint"] is not None], kinds)
        await step_times.add(postgres, ends, kinds)
        await postgres.execute(_SQL["move"], ends[-1]["id"])
    if meters is not None:
        meters.add(ends, kinds)
    return len(ends)


async def _kinds(postgres: Connection, numbers: Iterable[int]) -> dict[int, Kind]:
    found = await postgres.fetch(_SQL["kinds"], list(numbers))
    kinds = {row["kind"]: Kind(*itertools.islice(row.values(), 1, None)) for row in found}
    margins = {number: (margin, rest) for kind in kinds.values() for number, margin, rest in margins_of(kind)}
    columns = rows.margin_columns((number, *rest, margin) for number, (margin, rest) in margins.items())
    await postgres.execute(_SQL["save_margins"], *columns)
    return kinds


async def _add(postgres: Connection, tallies: Tallies) -> None:
    cells = sorted(tallies)
    for row in await postgres.fetch(_SQL["known"], *(list(column) for column in zip(*cells, strict=True))):
        known = Cell(row["kind"], row["grain"], row["at"], row["outcome"])
        tallies[known].add_all(Tally(row["count"], _measure(row, "wait"), _measure(row, "duration")))
    made = [
        (*cell, tallies[cell].count, *_told(tallies[cell].wait), *_told(tallies[cell].duration))
        for cell in cells
    ]
    await postgres.execute(_SQL["save"], *(list(column) for column in zip(*made, strict=True)))


def _measure(row: asyncpg.Record, name: str) -> Measure:
    slots = unpacked(row[f"{name}_slots"], row[f"{name}_counts"])
    return Measure(row[f"{name}s"], row[f"{name}_sum"], row[f"{name}_min"], row[f"{name}_max"], slots)


def _told(measure: Measure) -> tuple[Any, ...]:
    return measure.count, measure.total, measure.least, measure.most, *packed(measure.slots)
