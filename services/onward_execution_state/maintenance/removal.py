"""Removes what was kept long enough: whole places, counted and exported first, and never a row by itself.

In steps, each of which a killed replica leaves to the next: taken out of the tables, added to the sums that outlive it,
exported where a folder is configured, dropped. EVENTS must have forgotten it before, or a rebuild would bring it back.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import asyncpg
import msgspec

from onward.bus.specs import Specs
from onward.contract.retention import TIMES, HoldSpec, RetentionSpec, is_over, month_of, next_month
from onward.process.loop import MORE, MoreToDo
from onward.process.metrics import Metrics
from onward_execution_state.analytics.counting import MINUTES_KEPT, count
from onward_execution_state.database import Connection, Database
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.exporting import export
from onward_execution_state.statements import load
from onward_execution_state.store import Source

log = logging.getLogger(__name__)

TABLES = ("executions", "events", "questions", "ends")
OUTLIVED = "onward_outlived"
_AT_ONCE = 10_000
_LONG = 3600.0
"""Seconds that taking out a place may take: what stays of a big month is moved."""
_SQL, _UPKEEP = load("removal.sql"), load("upkeep.sql")


class Config(Protocol):
    """A copy of CONFIG."""

    ready: bool

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """One resource and its sequence, or None."""
        ...

    def items(self, project: str, kind: str) -> Mapping[str, tuple[bytes, int]]:
        """All resources of a kind, by name."""
        ...


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What one round came to."""

    dropped: str | None = None
    waits_for: str | None = None


class Removal:
    """The loop's work; one replica does it at a time, one place a round."""

    def __init__(
        self,
        leader: Leader,
        database: Database,
        *,
        source: Callable[[], Awaitable[Source]],
        config: Config,
        folder: Path | None,
        metrics: Metrics,
    ) -> None:
        self._leader, self._source_now, self._config, self._folder = leader, source, config, folder
        self._specs = Specs(config)
        self._ahead: date | None = None
        self._outlived = database.beside(f"{OUTLIVED}, public")
        self._dropped = metrics.counter(
            "onward_removed_executions_total", "Executions that retention has removed"
        )

    async def run_once(self, now: datetime) -> Removed | MoreToDo:
        """Goes on with what is under way, or takes out the oldest place that is over; MORE where others follow."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return Removed(waits_for="another replica")
        if self._ahead != (ahead := month_of(now)):
            await make_ahead(postgres, now)
            self._ahead = ahead
        if not self._config.ready:
            return Removed(waits_for="CONFIG, which says what is held")
        if not await postgres.fetchval(_SQL["exclusively"]):
            return Removed(waits_for="a rebuild")
        try:
            held = await self._held(postgres)
            found, waits_for = await self._under_way(postgres, held)
            if found is None:
                waits_for = await self._detach(postgres, held, now) or waits_for
                found, _ = await self._under_way(postgres, held)
                if found is None:
                    return Removed(waits_for=waits_for)
            await settle(postgres, self._outlived, now)
        finally:
            await postgres.execute(_SQL["let_go"])
        await self._drop(postgres, found, now)
        return MORE

    async def _under_way(
        self, postgres: Connection, held: list[str]
    ) -> tuple[asyncpg.Record | None, str | None]:
        """The first that was taken out and may be dropped; what was held since keeps nothing else waiting."""
        waits_for = None
        for row in await postgres.fetch(_SQL["under_way"]):
            table = _tables(row["id"])["executions"]
            kept = await postgres.fetchval(_SQL["held_there"].format(table=table), held)
            if not kept:
                return row, waits_for
            log.warning("%d executions of %s are held by now", kept, _name(row["retention"], row["month"]))
            waits_for = f"holds on {kept} executions that are taken out already"
        return None, waits_for

    async def _detach(self, postgres: Connection, held: list[str], now: datetime) -> str | None:
        """Takes out the first place that may go; else what the first one that is over waits for."""
        spec = self._specs.get("default", RetentionSpec, TIMES) or RetentionSpec()
        source = await self._source_now()
        if released := [row["id"] for row in await postgres.fetch(_SQL["released"], held)]:
            async with postgres.transaction():
                await postgres.execute(_SQL["release"], released)
        purged_to = await postgres.fetchval(_UPKEEP["purged_to"], source.stream, source.incarnation) or 0
        waits_for = None
        for row in await postgres.fetch(_SQL["places"]):
            if not is_over(row["month"], row["retention"], spec, now):
                continue
            place = (row["retention"], row["month"])
            if await postgres.fetchval(_SQL["wanted"], *place, purged_to):
                waits_for = waits_for or f"EVENTS, which still holds some of {_name(*place)}"
                continue
            async with postgres.transaction():
                await postgres.execute("set local lock_timeout = '3s'")
                await postgres.execute(_SQL["detach"], *place, month_of(now), held, now, timeout=_LONG)
            log.info("%s was kept long enough", _name(*place))
            return None
        return waits_for

    async def _held(self, postgres: Connection) -> list[str]:
        projects = [row["project"] for row in await postgres.fetch(_SQL["projects"])]
        return [name for project in projects for name in self._config.items(project, HoldSpec.KIND)]

    async def _drop(self, postgres: Connection, found: asyncpg.Record, now: datetime) -> None:
        number = found["id"]
        if self._folder is not None and found["state"] != "exported":
            name = f"{_name(found['retention'], found['month'])}-{number}"
            told = {
                "retention": found["retention"], "month": str(found["month"]), "removal": number,
                "taken_out_at": found["detached_at"].isoformat(),
            }  # fmt: skip
            folder = await export(postgres, self._folder / name, _tables(number), told)
            await postgres.execute(_SQL["note_export"], number, str(folder))
        async with postgres.transaction():
            await postgres.execute("drop table if exists " + ", ".join(_tables(number).values()))
            await postgres.execute(_SQL["note_drop"], number, now)
        self._dropped.add(found["executions"])
        log.info(
            "%s is removed: %d executions", _name(found["retention"], found["month"]), found["executions"]
        )


async def make_ahead(postgres: Connection, now: datetime) -> None:
    """The places of this month and the next, of the class that all have unless they say otherwise."""
    this = month_of(now)
    for month in (this, next_month(this)):
        await postgres.execute(_SQL["make_place"], "default", month)


async def settle(postgres: Connection, outlived: Database, now: datetime) -> None:
    """Adds what was taken out to the sums that outlive it. A killed one is taken up at the page it had come to."""
    for row in await postgres.fetch(_SQL["to_count"]):
        tables = _tables(row["id"])
        if row["state"] == "detached":
            async with postgres.transaction():
                await postgres.execute(_SQL["begin_counting"])
                for name in ("ends", "events"):
                    await postgres.execute(_SQL["look_at"].format(name=name, table=tables[name]))
                await postgres.execute(_SQL["kinds_of"].format(table=tables["ends"]))
                await postgres.execute(_SQL["note_state"], row["id"], "counting")
        writer = await outlived.writer(durable=True)
        try:
            while await count(writer, _AT_ONCE, now - MINUTES_KEPT):
                pass
        finally:
            await writer.close()
        async with postgres.transaction():
            await postgres.execute(_SQL["look_away"])
            await postgres.execute(_SQL["note_state"], row["id"], "counted")


def _tables(number: int) -> dict[str, str]:
    return {name: f"removed_{number}_{name}" for name in TABLES}


def _name(retention: str, month: date) -> str:
    return f"{retention}-{month:%Y-%m}"
