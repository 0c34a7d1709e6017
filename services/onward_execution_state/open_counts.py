"""How many executions wait and run, of those that a list would show; counted up to a limit."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from onward.contract.execution import Status
from onward_execution_state.database import Database
from onward_execution_state.listing import ListQuestion, asked_of

MOST = 20_000
"""So many are counted; it says "at least" of more."""
_COUNT = "select count(*) as count, min(created_at) as oldest from ({}) as matching"


class OpenCount(msgspec.Struct, frozen=True):
    """Of one status: how many, at most `most`, and since when the first of them is there."""

    count: int
    oldest: datetime | None


class OpenCounts:
    """The question `open_counts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def answers(self) -> dict[str, Callable[[bytes], Any]]:
        """By its name."""
        return {"open_counts": self.counts}

    async def counts(self, data: bytes) -> dict[str, Any]:
        """What waits and what runs."""
        question = msgspec.json.decode(data, type=ListQuestion)
        found: dict[str, Any] = {"most": MOST}
        for status in (Status.PENDING, Status.RUNNING):
            one = msgspec.structs.replace(question, status=(status,))
            asked = await asked_of(self._database, one, rows=MOST)
            row = (await self._database.ask(_COUNT.format(asked.statement), *asked.arguments))[0]
            found[status.value] = OpenCount(row["count"], row["oldest"])
        return found
