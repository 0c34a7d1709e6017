"""What the log has lost: events that Postgres knows and EVENTS holds no more, though nobody has purged them.

An older copy of the streams was put back, or a disk has damaged a block: the server tells neither. It is looked for at
each start and once a day, by `onward admin verify`, and brought back by `onward admin mend`.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onward.bus.ports import EventLog, Raw
from onward.contract.errors import Unavailable
from onward.process.backoff import full_jitter
from onward.process.metrics import Metrics
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.missed import note_found, without_end
from onward_execution_state.statements import load
from onward_execution_state.store import Source

log = logging.getLogger(__name__)

_PAGE = 500
_MISSES = 5
_PACE_SECONDS = 0.02
"""Between two pages: the look goes on beside everything else."""
_SHOWN = 20
_EVERY = timedelta(days=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_SQL = load("losses.sql")


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the log held once."""

    project: str
    execution_id: str
    n: int
    type: str


class _Place(msgspec.Struct, frozen=True):
    """As much of an event as it takes to know it again."""

    execution_id: str
    n: int
    type: str = ""
    part: int = 1


_place = msgspec.json.Decoder(_Place)


async def losses(connection: Connection, events: EventLog, source: Source, first_sequence: int) -> list[Loss]:
    """All that is lost, by execution, in order. Raises Unavailable."""
    several = await connection.fetchval(_SQL["lives"], source.stream, source.incarnation) > 0
    since = _began(source) if several else _LONG_AGO
    await connection.execute(_SQL["end"])
    await connection.execute(_SQL["begin"])
    try:
        # A stream that never held anything says 0.
        reached = max(first_sequence, 1) - 1
        async for page in _pages(events, reached):
            reached = page[-1].sequence
            await connection.copy_records_to_table("seen_in_log", records=list(_seen(page)))
        found = await connection.fetch(_SQL["lost"], first_sequence, since, several)
    finally:
        await connection.execute(_SQL["end"])
    # What was projected while this looked is behind the place up to which it has looked.
    late = {(id, n) async for page in _pages(events, reached) for id, n, _ in _seen(page)} if found else set()
    return [
        Loss(project=row["project"], execution_id=str(row["execution_id"]), n=row["n"], type=row["type"])
        for row in found
        if (str(row["execution_id"]), row["n"]) not in late
    ]


async def _pages(events: EventLog, after: int) -> AsyncIterator[list[Raw]]:
    while page := await _page(events, after):
        yield page
        after = page[-1].sequence
        await asyncio.sleep(_PACE_SECONDS)


async def _page(events: EventLog, after: int) -> list[Raw]:
    misses = 0
    while True:
        try:
            return await events.scan(after, _PAGE)
        except Unavailable:
            # One answer that is late must not cost the whole look.
            misses += 1
            if misses > _MISSES:
                raise
            await asyncio.sleep(full_jitter(misses))


def _seen(page: Iterable[Raw]) -> Iterable[tuple[str, int, bool]]:
    for raw in page:
        with contextlib.suppress(msgspec.MsgspecError):
            at = _place.decode(raw.data)
            yield at.execution_id, at.n, at.type == "carried" and at.part == 1


def _began(source: Source) -> datetime:
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(source.incarnation)
    return _LONG_AGO


def told(found: Iterable[Loss]) -> list[tuple[str, str]]:
    """Each execution with what of it is lost."""
    by_execution: dict[str, list[int]] = defaultdict(list)
    for loss in found:
        by_execution[loss.execution_id].append(loss.n)
    return [
        (id, f"event {ns[0]} is lost" if len(ns) == 1 else f"events {ns[0]} to {ns[-1]} are lost ({len(ns)})")
        for id, ns in by_execution.items()
    ]


class Scrubber:
    """The loop's work: looks at the start, once a day, and when the stream has become shorter; names what is lost."""

    def __init__(
        self,
        leader: Leader,
        events: EventLog,
        where: Callable[[], Coroutine[Any, Any, tuple[Source, int, int]]],
        metrics: Metrics,
    ) -> None:
        self._leader, self._events, self._where = leader, events, where
        self._lost, self._last_seen = 0, 0
        self._next: datetime | None = None
        metrics.gauge(
            "onward_log_lost_events", "Events that Postgres has and EVENTS has lost, at the last look"
        ).set(lambda: self._lost)

    async def run_once(self, now: datetime) -> None:
        """A look at all of it, where one is due."""
        source, first, last = await self._where()
        shorter, self._last_seen = last < self._last_seen, last
        if self._next is not None and now < self._next and not shorter:
            return
        try:
            postgres = await self._leader.connection(now)
            if postgres is not None:
                found = await losses(postgres, self._events, source, first)
                self._tell(found)
                await self._keep(postgres, found, first, now)
            self._next = now + _EVERY
        finally:
            await self._leader.close()

    async def _keep(self, postgres: Connection, found: list[Loss], first: int, now: datetime) -> None:
        projects = {loss.execution_id: loss.project for loss in found}
        ends = [one for one in await without_end(postgres, self._events, first) if one[1] not in projects]
        for _, execution_id in ends:
            log.error(
                "%s stands as open, and EVENTS holds nothing of it",
                execution_id,
                extra={"execution_id": execution_id},
            )
        await note_found(postgres, [(id, projects[id], what) for id, what in told(found)], ends, now)

    def _tell(self, found: list[Loss]) -> None:
        self._lost = len(found)
        names = told(found)
        for execution_id, what in names[:_SHOWN]:
            log.error("%s: %s in the log", execution_id, what, extra={"execution_id": execution_id})
        if found:
            fix = "`onward admin mend` brings them back from Postgres"
            log.error("EVENTS has lost %d events of %d executions; %s", len(found), len(names), fix)
