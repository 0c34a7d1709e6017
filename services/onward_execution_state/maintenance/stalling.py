"""Finds executions that a worker holds and that seem to make no progress, for lists and alerts to show.

Quiet: neither an event nor a log line for a while. Slow: it runs longer than 99 of 100 of its task did. Nothing is done
about either: limits end what takes too long, and a lost worker is noticed elsewhere.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import asyncpg
import msgspec
from msgspec.structs import astuple

from onward.bus.config import Mirror
from onward.bus.ports import Lines
from onward.process.metrics import Metrics
from onward_execution_state import rows
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load

QUIET, SLOW = "quiet", "slow"

_SQL = load("stalls.sql")

QuietAfter = Callable[[str, str], float | None]
"""Seconds that the task of a project may be quiet, if it says so."""
Usual = Callable[[Connection, datetime], Awaitable[dict[tuple[str, str], float]]]
"""What 99 of 100 executions of (project, task) stay below, in milliseconds, where enough is known to say."""


class StallSettings(msgspec.Struct, frozen=True, kw_only=True):
    """From when on, and how many at once."""

    quiet_seconds: float = 300.0
    logs_at_once: int = 16
    page: int = 500
    """Logs looked into in one round, of those that are quiet longest."""


class Stall(msgspec.Struct, frozen=True):
    """One execution that seems to stand still, at the version that was looked at."""

    execution_id: str
    project: str
    version: int
    because: str
    since: datetime


class Stalling:
    """The loop's work: looks at all that workers hold, and replaces what is known of stalls."""

    def __init__(
        self,
        settings: StallSettings,
        *,
        leader: Leader,
        lines: Lines,
        quiet_after: QuietAfter,
        usual: Usual,
        metrics: Metrics,
    ) -> None:
        self._settings, self._leader, self._lines = settings, leader, lines
        self._quiet_after, self._usual = quiet_after, usual
        self._gate = asyncio.Semaphore(settings.logs_at_once)
        self._shown = metrics.gauge(
            "onward_executions_stalled", "Executions that seem to make no progress", ("because",)
        )

    async def run_once(self, now: datetime) -> list[Stall]:
        """All that stand still now."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return []
        held = await postgres.fetch(_SQL["held"])
        quiet = await self._quiet(held, now)
        slow = await self._slow(postgres, [row for row in held if str(row["id"]) not in quiet], now)
        found = [*quiet.values(), *slow]
        await self._replace(postgres, found, now)
        for cause in (QUIET, SLOW):
            self._shown.set(sum(stall.because == cause for stall in found), because=cause)
        return found

    async def _quiet(self, held: list[asyncpg.Record], now: datetime) -> dict[str, Stall]:
        silent = [row for row in held if row["updated_at"] + self._patience(row) < now]
        silent.sort(key=lambda row: row["updated_at"])
        looked = await asyncio.gather(*(self._look(row, now) for row in silent[: self._settings.page]))
        return {stall.execution_id: stall for stall in looked if stall is not None}

    def _patience(self, row: asyncpg.Record) -> timedelta:
        asked = self._quiet_after(row["project"], row["task"])
        return timedelta(seconds=self._settings.quiet_seconds if asked is None else asked)

    async def _look(self, row: asyncpg.Record, now: datetime) -> Stall | None:
        async with self._gate:
            last = await self._lines.last(row["project"], str(row["id"]))
        spoke = None if last is None else _time_of(last.data)
        since = max(row["updated_at"], spoke or row["updated_at"])
        if since + self._patience(row) >= now:
            return None
        return Stall(str(row["id"]), row["project"], row["version"], QUIET, since)

    async def _slow(self, postgres: Connection, held: list[asyncpg.Record], now: datetime) -> list[Stall]:
        usual = await self._usual(postgres, now)
        long = {
            (row["project"], row["task"]): timedelta(milliseconds=limit)
            for row in held
            if (limit := usual.get((row["project"], row["task"]))) is not None
        }
        ids = [
            row["id"]
            for row in held
            if (limit_of := long.get((row["project"], row["task"]))) and row["started_at"] + limit_of < now
        ]
        found = []
        for row in await postgres.fetch(_SQL["states"], ids) if ids else []:
            state = rows.state_of(row["state"])
            began = state.first_started_at if state.lives == 1 else state.life_started_at
            due = None if began is None else began + long[state.project, state.task]
            if due is not None and due < now:
                found.append(Stall(state.id, state.project, state.n, SLOW, due))
        return found

    @staticmethod
    async def _replace(postgres: Connection, found: list[Stall], now: datetime) -> None:
        columns = [list(column) for column in zip(*map(astuple, found), strict=True)]
        async with postgres.transaction():
            await postgres.execute(_SQL["forget_others"], columns[0] if columns else [])
            if columns:
                await postgres.execute(_SQL["note"], *columns, now)


def quiet_after(config: Mirror, project: str, task: str) -> float | None:
    """What the task says of itself in CONFIG."""
    found = config.get(project, "task", task)
    return None if found is None else _asked(found[0])


class _Asks(msgspec.Struct, frozen=True):
    stalled_after: float | None = None


@functools.lru_cache(maxsize=1024)
def _asked(spec: bytes) -> float | None:
    return msgspec.json.decode(spec, type=_Asks).stalled_after


class _Spoken(msgspec.Struct, frozen=True):
    time: datetime


class _Chunk(msgspec.Struct, frozen=True):
    lines: list[_Spoken] = []


def _time_of(chunk: bytes) -> datetime | None:
    try:
        lines = msgspec.json.decode(chunk, type=_Chunk).lines
    except msgspec.MsgspecError:
        return None
    return lines[-1].time if lines else None
