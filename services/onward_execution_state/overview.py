"""Answers about the whole: workers, queues, and how the projection and the repairs stand."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from onward.bus.depths import Depth
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.contract.workers import WorkerView
from onward_execution_state.database import Database
from onward_execution_state.statements import load
from onward_execution_state.workers import Workers

_SQL = load("queries.sql")


class OfProject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks about one project."""

    project: str


class ClassView(msgspec.Struct, frozen=True, kw_only=True):
    """One priority class of a queue."""

    waiting: int
    """Hints that nobody took yet."""
    running: int | None
    """Executions that a worker holds; null while Postgres does not answer, like `oldest`."""
    oldest: datetime | None
    """Since when the first of those that could run waits."""


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """One queue."""

    queue: str
    waiting: int
    running: int | None
    oldest: datetime | None
    workers: int
    classes: dict[str, ClassView]


Depths = Callable[[str], Awaitable[dict[tuple[str, str], Depth]]]
"""By (queue, class), of one project."""


class Overview:
    """What no single execution tells."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        depths: Depths,
        facts: Callable[[], Awaitable[dict[str, Any]]],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._workers = workers
        self._depths = depths
        self._facts = facts
        self.clock = clock

    async def workers(self, data: bytes) -> list[WorkerView]:
        """The question `workers`."""
        asked = msgspec.json.decode(data, type=OfProject)
        return self._workers.of_project(asked.project, self.clock())

    async def queues(self, data: bytes) -> list[QueueView]:
        """The question `queues`: answered without Postgres too, by what WORK knows."""
        project = msgspec.json.decode(data, type=OfProject).project
        depths = await self._depths(project)
        try:
            found = await self._database.ask(_SQL["open_per_route"], project)
            by_route = {(row["queue"], row["route"]): row for row in found}
        except Unavailable:
            by_route = None
        names = {queue for queue, _ in depths} | {queue for queue, _ in by_route or ()}
        return [self._queue(project, name, depths, by_route) for name in sorted(names)]

    async def metrics(self, data: bytes) -> dict[str, Any]:
        """The question `metrics`: figures for people; /metrics has them all."""
        del data
        facts = await self._facts()
        try:
            repairs = await self._database.ask(_SQL["repairs_by_kind"])
            facts["repairs"] = {row["kind"]: row["repaired"] for row in repairs}
            facts["set_aside"] = (await self._database.ask(_SQL["set_aside"]))[0]["events"]
            facts["missing"] = (await self._database.ask(_SQL["missing"]))[0]["executions"]
        except Unavailable as error:
            facts["trouble"] = str(error)
        return facts

    async def last_sequence(self) -> int:
        """The last sequence of EVENTS."""
        return int((await self._facts()).get("last_sequence") or 0)

    def _queue(
        self, project: str, name: str, depths: dict[tuple[str, str], Depth], by_route: dict[Any, Any] | None
    ) -> QueueView:
        classes = {}
        for cls in subjects.CLASSES:
            row = None if by_route is None else by_route.get((name, f"{name}.{cls}"))
            depth = depths.get((name, cls), Depth(0, 0))
            running = None if by_route is None else row["running"] if row else 0
            classes[cls] = ClassView(
                waiting=depth.waiting, running=running, oldest=row["oldest"] if row else None
            )
        ages = [view.oldest for view in classes.values() if view.oldest is not None]
        return QueueView(
            queue=name,
            waiting=sum(view.waiting for view in classes.values()),
            running=None if by_route is None else sum(view.running or 0 for view in classes.values()),
            oldest=min(ages, default=None),
            workers=self._workers.listening(project, name, self.clock()),
            classes=classes,
        )
