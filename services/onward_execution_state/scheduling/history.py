"""What became of ticks, for people: read from TICKS into Postgres, where it outlives its schedule."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onward.bus.ports import Raw, Ticks
from onward.bus.ticks import state_of
from onward.contract import subjects
from onward.contract.errors import InvalidParameter
from onward.contract.schedules import Outcome, TickView
from onward.contract.submission import PAGE
from onward.process.loop import MORE, MoreToDo
from onward_execution_state import store
from onward_execution_state.database import Connection, Database
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load
from onward_execution_state.store import Source

_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SQL = load("schedules.sql")


class TickHistory:
    """The loop's work: takes over what TICKS has above the position in Postgres."""

    def __init__(self, ticks: Ticks, leader: Leader) -> None:
        self._ticks, self._leader = ticks, leader

    async def run_once(self, now: datetime) -> MoreToDo | None:
        """Takes over one page."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return None
        source = Source(subjects.TICKS, await self._ticks.incarnation())
        position = await store.position(postgres, source, now)
        page = await self._ticks.after(position, _PAGE)
        if not page:
            return None
        async with postgres.transaction():
            if await store.move_position(postgres, source, position, page[-1].sequence, now):
                await _remember(postgres, page)
        return MORE


async def _remember(postgres: Connection, page: list[Raw]) -> None:
    rows = []
    for raw in page:
        project, schedule = subjects.tick_owner(raw.subject)
        state, sequence = state_of(raw)
        if state is not None:
            rows += [
                (
                    project, schedule, state.uid, row.tick, row.cause, row.outcome, row.reason, row.execution_id,
                    row.by, row.until, row.count, state.at, sequence,
                )
                for row in state.rows
            ]  # fmt: skip
    await postgres.executemany(_SQL["remember_tick"], rows)


class RunsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of the query `schedule_runs`: one schedule, there or deleted, and a page."""

    project: str
    schedule: str
    outcome: tuple[Outcome, ...] = ()
    limit: int = 50
    cursor: str | None = None


class RunsPage(msgspec.Struct, frozen=True):
    """Ticks, newest first."""

    items: list[TickView]
    next_cursor: str | None


class RunsAnswers:
    """Answers from Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def runs(self, data: bytes) -> RunsPage:
        """A page of the history of one schedule."""
        asked = msgspec.json.decode(data, type=RunsQuestion)
        if not 1 <= asked.limit <= PAGE:
            raise InvalidParameter(f"limit is {asked.limit}", fix=f"use 1 to {PAGE}")
        found = await self._database.ask(
            _SQL["schedule_runs"], asked.project, asked.schedule, list(asked.outcome) or None,
            *_place(asked.cursor), asked.limit + 1,
        )  # fmt: skip
        shown = found[: asked.limit]
        cursor = _cursor(shown[-1]) if len(found) > asked.limit else None
        return RunsPage([_view(row) for row in shown], cursor)


def _view(row: Any) -> TickView:
    started, ended = row["started_at"], row["completed_at"]
    return TickView(
        tick=row["tick"],
        outcome=row["outcome"],
        cause=row["cause"],
        reason=row["reason"],
        execution_id=None if row["execution_id"] is None else str(row["execution_id"]),
        by=row["by_whom"],
        until=row["until"],
        count=row["count"],
        decided_at=row["decided_at"],
        status=row["status"],
        duration_ms=(ended - started) / timedelta(milliseconds=1) if started and ended else None,
    )


def _cursor(row: Any) -> str:
    place = f"{(row['tick'] - _EPOCH) // timedelta(microseconds=1)}:{row['uid']}:{row['cause']}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> tuple[datetime | None, str | None, str | None]:
    if cursor is None:
        return None, None, None
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, uid, cause = place.split(":")
        return _EPOCH + timedelta(microseconds=int(at)), uid, cause
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidParameter(
            "the cursor is not one of ours", fix="use next_cursor of a page as it is"
        ) from None
