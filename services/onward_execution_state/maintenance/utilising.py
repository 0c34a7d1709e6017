"""Adds what workers counted in their heartbeats to the minutes of utilisation: each count once, by one replica."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract.submission import Heartbeat
from onward.contract.utilisation import Count, minutes
from onward_execution_state.leader import Leader
from onward_execution_state.slot_counts import SlotCounts
from onward_execution_state.statements import load

KEPT = timedelta(days=90)
_CLEAN = timedelta(hours=1)
_SQL = load("utilisation.sql")


class Utilising:
    """The loop's work."""

    def __init__(self, heard: SlotCounts, leader: Leader) -> None:
        self._heard, self._leader = heard, leader
        self._cleaned: datetime | None = None

    async def run_once(self, now: datetime) -> int:
        """Adds what was heard since the last time; how many workers that was."""
        self._heard.forget(now)
        postgres = await self._leader.connection(now)
        if postgres is None:
            return 0
        workers = self._heard.workers()
        async with postgres.transaction():
            found = await postgres.fetch(_SQL["counted"], [beat.worker_id for beat, _ in workers])
            counted = {row["worker_id"]: _count(row) for row in found}
            fresh = [
                (beat, before, later)
                for beat, counts in workers
                if (before := counted.get(beat.worker_id) or _start(beat, counts))
                and (later := [count for count in counts if count.at > before.at])
            ]
            rows = [row for one in fresh for row in _rows(*one)]
            if rows:
                await postgres.execute(_SQL["add"], *map(list, zip(*rows, strict=True)))
                last = [(b.worker_id, c[-1].at, c[-1].available, _json(c[-1].busy)) for b, _, c in fresh]
                await postgres.execute(_SQL["note_counts"], *map(list, zip(*last, strict=True)))
            if self._cleaned is None or now - self._cleaned > _CLEAN:
                await postgres.execute(_SQL["forget"], now - KEPT)
                self._cleaned = now
        return len(fresh)


def _start(beat: Heartbeat, counts: list[Count]) -> Count:
    # Its clock may be another than ours: what it counted before we heard of it ends with its first heartbeat.
    return Count(at=min(beat.started_at, counts[0].at - timedelta(milliseconds=1)))


def _count(row: Any) -> Count:
    return Count(
        at=row["at"],
        available=row["available_ms"],
        busy=msgspec.json.decode(row["busy"], type=dict[str, int]),
    )


def _rows(beat: Heartbeat, before: Count, counts: list[Count]) -> Iterable[tuple[Any, ...]]:
    for (minute, queue), (busy, available) in minutes(before, counts).items():
        yield beat.project, minute, beat.worker_id, queue, round(busy), round(available)


def _json(busy: dict[str, int]) -> str:
    return msgspec.json.encode(busy).decode()
