"""Answers about failures by their fingerprint."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onward.contract.analytics import ErrorCount, ErrorGroup, ErrorGroupList, ErrorGroupView
from onward_execution_state.analytics.spans import Span
from onward_execution_state.analytics.tally import DAY, HOUR, floor
from onward_execution_state.database import Database
from onward_execution_state.statements import load

_SQL = load("errors.sql")
_WEEK = timedelta(days=7)
_BY_HOUR = timedelta(days=4)


class AskedGroups(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which groups: those with failures in a time, a week unless it is given, in full hours."""

    project: str
    since: datetime | None = None
    until: datetime | None = None
    task: str | None = None
    queue: str | None = None
    version: str | None = None
    fingerprint: str | None = None
    limit: int = 50


class ErrorGroups:
    """Every question about groups of errors."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def answers(self) -> dict[str, Callable[[bytes], Awaitable[Any]]]:
        """By the name of the question."""
        return {"error_groups": self.groups, "error_group": self.group}

    async def groups(self, data: bytes) -> ErrorGroupList:
        """The groups of a time, the most frequent first."""
        asked = msgspec.json.decode(data, type=AskedGroups)
        span = self._span(asked)
        found = await self._found(asked, span)
        return ErrorGroupList(
            since=span.since, until=span.until, items=[ErrorGroup(**_told(row)) for row in found]
        )

    async def group(self, data: bytes) -> ErrorGroupView | None:
        """One group and how it went; None where there is no such group."""
        asked = msgspec.json.decode(data, type=AskedGroups)
        span = self._span(asked)
        found = await self._database.ask(_SQL["group"], asked.project, asked.fingerprint, *span)
        if not found:
            return None
        grain = HOUR if span.until - span.since <= _BY_HOUR else DAY
        of_group = asked.project, asked.fingerprint
        counts = await self._database.ask(_SQL["trend"], *of_group, *span, grain)
        standing = await self._database.ask(_SQL["standing"], *of_group)
        return ErrorGroupView(
            **_told(found[0]), since=span.since, until=span.until, open=standing[0]["count"],
            trend=_filled({row["at"]: row["count"] for row in counts}, span, grain),
        )  # fmt: skip

    async def _found(self, asked: AskedGroups, span: Span) -> list[Any]:
        return await self._database.ask(
            _SQL["groups"], asked.project, *span, asked.task, asked.queue, asked.version, asked.limit
        )

    def _span(self, asked: AskedGroups) -> Span:
        until = asked.until or self._clock()
        return Span(floor(asked.since or until - _WEEK, HOUR), until)


def _told(row: Any) -> dict[str, Any]:
    plain = ("fingerprint", "type", "message", "first_seen", "last_seen", "total")
    return {
        **{name: row[name] for name in plain}, "count": row["count"] or 0, "execution_id": str(row["execution_id"]),
        **{name: sorted(row[name] or ()) for name in ("tasks", "queues", "versions")},
    }  # fmt: skip


def _filled(counts: dict[datetime, int], span: Span, grain: int) -> list[ErrorCount]:
    at, found = floor(span.since, grain), []
    while at < span.until:
        found.append(ErrorCount(since=at.astimezone(UTC), count=counts.get(at, 0)))
        at += timedelta(seconds=grain)
    return found
