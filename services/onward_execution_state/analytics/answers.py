"""Answers to what is asked about executions that have ended: totals, trends, who did how much, and slow steps."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from onward.contract.analytics import Breakdown, Share, SlowSteps, Summary, Trend
from onward.contract.errors import InvalidParameter
from onward_execution_state.analytics.figures import Parts, figures, period, step_figures
from onward_execution_state.analytics.sketch import total
from onward_execution_state.analytics.spans import Span, cut, kept, pieces, whole
from onward_execution_state.database import Database
from onward_execution_state.statements import load

_SQL = load("analytics.sql")
_FILTERS = ("task", "queue", "environment", "agent_id", "team")
BY = Literal["task", "queue", "environment", "agent_id", "team", "version"]
_COLUMN = {"team": "team_id"}


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked: which executions, by when they ended, and how it is cut."""

    project: str
    since: datetime | None = None
    """A day before `until`, unless it is given."""
    until: datetime | None = None
    task: str | None = None
    queue: str | None = None
    environment: str | None = None
    agent_id: str | None = None
    team: str | None = None
    zone: str = "UTC"
    bucket: Literal["minute", "hour", "day"] = "hour"
    by: BY | None = None
    limit: int = 50


class Analytics:
    """Every question about what has ended."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def answers(self) -> dict[str, Callable[[bytes], Awaitable[Any]]]:
        """By the name of the question."""
        return {
            "analytics_summary": self.summary,
            "analytics_trend": self.trend,
            "analytics_breakdown": self.breakdown,
            "analytics_steps": self.slow_steps,
        }

    async def summary(self, data: bytes) -> Summary:
        """All of a time in one, and the time as long before it."""
        asked, span = self._asked(data)
        before = Span(span.since - (span.until - span.since), span.since)
        found = await self._parts(asked, [span, before], None)
        then = period(before, found.get((1, None)))
        return Summary(
            since=span.since, until=span.until, figures=figures(span, found.get((0, None))), previous=then
        )

    async def trend(self, data: bytes) -> Trend:
        """The same for each minute, hour or day of a zone; those in which nothing ended included."""
        asked, span = self._asked(data)
        spans = cut(span, asked.bucket, _zone(asked.zone), kept(span.since, self._clock()))
        found = await self._parts(asked, spans, None)
        items = [period(each, found.get((number, None))) for number, each in enumerate(spans)]
        return Trend(since=span.since, until=span.until, bucket=asked.bucket, zone=asked.zone, items=items)

    async def breakdown(self, data: bytes) -> Breakdown:
        """The same for each task, queue …, the one with the most ends first."""
        asked, span = self._asked(data)
        by = asked.by or "task"
        found = await self._parts(asked, [span], by)
        shares = [Share(name=name, figures=figures(span, parts)) for (_, name), parts in found.items()]
        shares.sort(key=lambda share: (-share.figures.ended, share.name or ""))
        return Breakdown(since=span.since, until=span.until, by=by, items=shares[: asked.limit])

    async def slow_steps(self, data: bytes) -> SlowSteps:
        """The steps that took most time in sum; by the full hours in which their executions saved them."""
        asked, span = self._asked(data)
        if any(getattr(asked, name) for name in _FILTERS if name != "task"):
            raise InvalidParameter("steps are counted by task alone", fix="filter by task")
        since, until = span
        rows = await self._database.ask(_SQL["steps"], asked.project, since, until, asked.task, asked.limit)
        names = [row["task"] for row in rows], [row["step"] for row in rows]
        sketches = {
            (row["task"], row["step"]): total(row["slots"], row["counts"])
            for row in await self._database.ask(_SQL["step_sketches"], asked.project, since, until, *names)
        }
        items = [step_figures(row, sketches[row["task"], row["step"]]) for row in rows]
        return SlowSteps(since=since, until=until, items=items)

    def _asked(self, data: bytes) -> tuple[Asked, Span]:
        asked = msgspec.json.decode(data, type=Asked)
        now = self._clock()
        until = asked.until or now
        return asked, whole(asked.since or until - timedelta(days=1), until, now)

    async def _parts(
        self, asked: Asked, spans: list[Span], by: str | None
    ) -> dict[tuple[int, str | None], Parts]:
        """By the number of the span and what it is broken down by."""
        kinds = await self._kinds(asked, by)
        column = _COLUMN.get(by or "", by)
        labels = [row[column] if column else None for row in kinds]
        columns = [list(each) for each in zip(*pieces(spans), strict=True)]
        arguments = (*columns, [row["kind"] for row in kinds], labels)
        parts: dict[tuple[int, str | None], Parts] = {}
        for row in await self._database.ask(_SQL["sums"], *arguments):
            parts.setdefault((row["span"], row["label"]), Parts()).sums.append(row)
        return parts

    async def _kinds(self, asked: Asked, by: str | None) -> list[asyncpg.Record]:
        """The kinds to add up: those of one margin, where that is enough."""
        given = {_COLUMN.get(name, name): getattr(asked, name) for name in _FILTERS}
        wanted = {name for name, value in given.items() if value is not None}
        if by is not None:
            wanted.add(_COLUMN.get(by, by))
        margin = "".join(wanted) if len(wanted) <= 1 else None
        return await self._database.ask(_SQL["kinds"], asked.project, margin, *given.values())


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise InvalidParameter(
            f"zone: there is no {name[:80]!r}", fix="use a name such as Europe/Berlin"
        ) from None
