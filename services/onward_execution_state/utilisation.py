"""The question `utilisation`: used slot-time over the slot-time there was, by worker or by queue."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from onward.contract.utilisation import MINUTE, Busy, Utilisation
from onward_execution_state.database import Database
from onward_execution_state.statements import load

_SQL = load("utilisation.sql")
_USUALLY = timedelta(hours=1)


class UtilisationQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks about the whole minutes of a time: the last hour, unless it is said."""

    project: str
    since: datetime | None = None
    until: datetime | None = None
    by: str = "worker"


class UtilisationAnswers:
    """Adds up the minutes."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    async def utilisation(self, data: bytes) -> Utilisation:
        """The answer."""
        asked = msgspec.json.decode(data, type=UtilisationQuestion)
        until = _up(asked.until or self._clock())
        since = (asked.since or until - _USUALLY).replace(second=0, microsecond=0)
        found = await self._database.ask(_SQL["utilisation"], asked.project, since, until, asked.by)
        items = [
            Busy(
                name=row["name"], busy_ms=row["busy_ms"], available_ms=row["available_ms"],
                utilisation=row["busy_ms"] / row["available_ms"] if row["available_ms"] else None,
            )
            for row in found
        ]  # fmt: skip
        return Utilisation(since=since, until=until, by=asked.by, items=items)


def _up(at: datetime) -> datetime:
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + MINUTE
