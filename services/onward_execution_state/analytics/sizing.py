"""How loaded each queue is, for people who size workers and for programs that do."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract.sizing import Load, Sizing, suggest
from onward.contract.workers import DRAINED, DRAINING, GONE
from onward_execution_state.analytics.sketch import quantile, total
from onward_execution_state.database import Database
from onward_execution_state.overview import OfProject, Overview
from onward_execution_state.statements import load

WINDOW = timedelta(minutes=15)
_SQL = load("analytics.sql")
_LEAVING = {GONE, DRAINING, DRAINED}


class SizingAnswers:
    """The question `sizing`."""

    def __init__(self, database: Database, overview: Overview, clock: Callable[[], datetime]) -> None:
        self._database, self._overview, self._clock = database, overview, clock

    def answers(self) -> dict[str, Callable[[bytes], Awaitable[Any]]]:
        """By the name of the question."""
        return {"sizing": self.sizing}

    async def sizing(self, data: bytes) -> Sizing:
        """A suggestion for each queue of a project."""
        project = msgspec.json.decode(data, type=OfProject).project
        return Sizing(items=[suggest(each) for each in await self.loads(project)])

    async def loads(self, project: str) -> list[Load]:
        """Each queue over the last quarter of an hour."""
        since = self._clock() - WINDOW
        asked = msgspec.json.encode(OfProject(project=project))
        queues = await self._overview.queues(asked)
        workers = [one for one in await self._overview.workers(asked) if one.status not in _LEAVING]
        busy = {
            row["queue"]: row["busy_ms"] for row in await self._database.ask(_SQL["busy"], project, since)
        }
        ended = {row["queue"]: row for row in await self._database.ask(_SQL["ended"], project, since)}
        found = []
        for queue in queues:
            listening = [one for one in workers if queue.queue in one.queues]
            row = ended.get(queue.queue)
            slots = total(row["slots"], row["counts"]).items() if row else ()
            found.append(
                Load(
                    queue=queue.queue, window_seconds=WINDOW.total_seconds(), busy_ms=busy.get(queue.queue, 0),
                    ended=row["ended"] if row else 0, waiting=queue.waiting, running=queue.running or 0,
                    workers=len(listening), slots=sum(one.slots for one in listening),
                    wait_p95_ms=quantile(slots, 0.95),
                )
            )  # fmt: skip
        return found
