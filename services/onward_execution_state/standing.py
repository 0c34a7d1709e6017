"""The question `standing`: how many of its class come before an execution, and how many started lately."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward_execution_state.database import Database
from onward_execution_state.statements import load

MOST_AHEAD = 50_000
_LATELY = timedelta(minutes=5)
_LOOKED_AT = 20_000
_SQL = load("standing.sql")


class StandingQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for the place of one execution; `sequence` is that of the event that made it ready."""

    project: str
    id: str
    route: str
    sequence: int
    created_at: datetime


class StandingAnswers:
    """Counts in Postgres."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def standing(self, data: bytes) -> dict[str, Any]:
        """How many are ahead, and how many start in a second; null where none did in the last minutes."""
        asked, now = msgspec.json.decode(data, type=StandingQuestion), self._clock()
        found = await self._database.ask(
            _SQL["ahead"], asked.project, asked.route, asked.sequence, asked.id, MOST_AHEAD
        )
        ahead: int = found[0]["ahead"]
        if not ahead:
            return {"ahead": 0, "per_second": None}
        lately = await self._database.ask(
            _SQL["started_lately"], asked.project, asked.route, asked.created_at, now - _LATELY, _LOOKED_AT
        )
        return {"ahead": ahead, "per_second": _pace(lately[0]["started"], lately[0]["earliest"], now)}


def _pace(started: int, earliest: datetime | None, now: datetime) -> float | None:
    if earliest is None or started < 2:
        return None
    return started / max((now - earliest).total_seconds(), 0.1)
