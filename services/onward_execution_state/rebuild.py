"""Postgres made anew from the log, or compared with it, while everything goes on (`onward admin rebuild`, `verify`).

Fresh tables are filled beside those in use, by the same projection, from the beginning of EVENTS. What EVENTS no
longer holds (PROTOCOL T2) is taken over from the old `events` table, the only place that has it, and folded again.
Then the fresh tables take the place of the old ones in one transaction. At no moment is an execution missing that was
there before: "not in Postgres, then not in EVENTS" stays a proof (PROTOCOL T3).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from datetime import datetime

import msgspec

from onward.bus.ports import EventLog
from onward.contract.errors import Conflict
from onward.process.backoff import full_jitter
from onward.process.metrics import Metrics
from onward_execution_state import store
from onward_execution_state.analytics.counting import MINUTES_KEPT, count
from onward_execution_state.database import Connection, Database
from onward_execution_state.facets import Facets
from onward_execution_state.filing import Place
from onward_execution_state.fold import fold_again
from onward_execution_state.losses import losses
from onward_execution_state.maintenance.removal import OUTLIVED, settle
from onward_execution_state.migrate import migrate
from onward_execution_state.placing import places_for
from onward_execution_state.project import Projector
from onward_execution_state.statements import load
from onward_execution_state.store import Source

log = logging.getLogger(__name__)

FRESH = "onward_fresh"
SHOWN = 20
_CHUNK = 500
_MISSES = 5
_COUNTED_AT_ONCE = 10_000
_SQL = load("rebuild.sql")


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """EVENTS as it is now: its life, and from which sequence on it holds everything."""

    events: EventLog
    source: Source
    first_sequence: int


class Difference(msgspec.Struct, frozen=True):
    """Something that Postgres has otherwise than the log."""

    execution_id: str
    what: str


async def rebuild(url: str, log_now: Log, now: datetime) -> int:
    """Puts fresh tables in the place of the old ones; the position they have reached."""
    async with _filled(url, log_now, now) as (connection, position):
        async with connection.transaction():
            await connection.execute(_SQL["take_place"])
        return position


async def verify(url: str, log_now: Log, now: datetime) -> list[Difference]:
    """The first differences between the tables and the log; none is good."""
    async with _filled(url, log_now, now) as (connection, reached):
        here = await store.position(connection, log_now.source, now)
        position = min(here, reached)
        executions = await connection.fetch(_SQL["differing_executions"], position, SHOWN)
        events = await connection.fetch(_SQL["differing_events"], position, SHOWN)
        questions = await connection.fetch(_SQL["differing_questions"], position, SHOWN)
        ends = await connection.fetch(_SQL["differing_ends"], position, SHOWN)
    rows = [
        Difference(str(row["id"]), f"the row has version {row['here']}, the log makes {row['fresh']}")
        for row in executions
    ]
    rows += [Difference(str(row["id"]), f"its end {row['n']} is not as the log tells it") for row in ends]
    rows += [Difference(str(row["id"]), f"its question {row['question_id']} differs") for row in questions]
    return rows + [
        Difference(
            str(row["id"]), f"event {row['n']} is {'missing' if row['missing'] else 'not as in the log'}"
        )
        for row in events
    ]


@contextlib.asynccontextmanager
async def _filled(url: str, log_now: Log, now: datetime) -> AsyncIterator[tuple[Connection, int]]:
    """A connection, and the position up to which the fresh tables are filled; they are gone afterwards."""
    connection = await Database(url).writer(durable=True)
    try:
        if not await connection.fetchval(_SQL["lock"]):
            raise Conflict("another rebuild or verify is running", fix="wait until it is done")
        await settle(connection, Database(url, schema=f"{OUTLIVED}, public"), now)
        await connection.execute(_SQL["drop_fresh"])
        await connection.execute(_SQL["make_fresh"])
        position = await _fill(connection, Database(url, schema=FRESH), log_now, now)
        yield connection, position
        await connection.execute(_SQL["drop_fresh"])
    finally:
        await connection.close()


async def _fill(connection: Connection, fresh: Database, log_now: Log, now: datetime) -> int:
    async def source() -> Source:
        return log_now.source

    inside = await fresh.writer(durable=False)
    try:
        await migrate(inside, now)
    finally:
        await inside.close()
    projector = Projector(log_now.events, fresh, source, Metrics(), pace_seconds=0)
    try:
        await _project(projector, now)
        # Of what the log has lost, these tables may be the only place.
        lost = await losses(connection, log_now.events, log_now.source, log_now.first_sequence)
        await _keep(connection, fresh, log_now, now, also_later=bool(lost))
        # What came meanwhile, so that little is left to be read again after the change of places.
        position = await _project(projector, now)
        await connection.execute(_SQL["begin_with_outlived"])
        await _count(fresh, now)
        return position
    finally:
        await projector.close()


async def _count(fresh: Database, now: datetime) -> None:
    inside = await fresh.writer(durable=False)
    try:
        while await count(inside, _COUNTED_AT_ONCE, now - MINUTES_KEPT):
            pass
    finally:
        await inside.close()


async def _project(projector: Projector, now: datetime) -> int:
    misses = 0
    while True:
        if await projector.run_once(now) != 0:
            misses = 0
        elif projector.position is not None or projector.trouble is None or misses == _MISSES:
            break
        else:
            # A million events take minutes: an answer that is late once must not cost all of them.
            misses += 1
            await asyncio.sleep(full_jitter(misses))
    if projector.position is None:
        raise Conflict(
            f"the log cannot be projected: {projector.trouble}", fix="see the message, and try again"
        )
    log.info("read the log up to sequence %d", projector.position)
    return projector.position


async def _keep(
    connection: Connection, fresh: Database, log_now: Log, now: datetime, *, also_later: bool
) -> None:
    source, first = log_now.source, log_now.first_sequence
    several = also_later or await connection.fetchval(_SQL["lives"], source.stream) > 1
    places = await connection.fetch(_SQL["places"])
    await _make_places(fresh, (Place(row["retention"], row["month"]) for row in places))
    kept = await connection.fetch(_SQL["keep_purged"], first, several)
    await connection.execute(_SQL["keep_quarantine"], source.stream, source.incarnation, first)
    await connection.execute(_SQL["keep_positions"], source.stream, source.incarnation)
    inside = await fresh.writer(durable=False)
    try:
        ids = [str(row["execution_id"]) for row in kept]
        for start in range(0, len(ids), _CHUNK):
            await _fold_kept(inside, ids[start : start + _CHUNK])
    finally:
        await inside.close()
    log.info("kept the history of %d executions that the log no longer holds whole", len(kept))


async def _make_places(fresh: Database, places: Iterable[Place]) -> None:
    inside = await fresh.writer(durable=False)
    try:
        for place in places:
            await store.make_place(inside, place)
    finally:
        await inside.close()


async def _fold_kept(inside: Connection, ids: Iterable[str]) -> None:
    async with inside.transaction():
        folded = []
        for events in (await store.stored_events(inside, ids)).values():
            known, _ = fold_again(events)
            if known is not None:
                folded.append((known, events[-1].event.n))
        if folded:
            for place in places_for([known for known, _ in folded]):
                await store.make_place(inside, place)
            await store.file_events(inside, [known for known, _ in folded])
            await store.save_executions(inside, [known for known, _ in folded])
            await store.save_questions(inside, [known for known, _ in folded])
            await store.save_ends(inside, [known for known, _ in folded])
            await Facets().save(inside, [known for known, _ in folded])
            await store.close_gaps(
                inside, [known.state.id for known, last in folded if known.state.n >= last]
            )
