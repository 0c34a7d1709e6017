"""The projection: reads EVENTS from the position in Postgres, and moves both on in one transaction.

Any number of replicas may run this: a lock in Postgres lets one work, and the guarded position keeps two that both
believe to be it from writing the same events twice (PROTOCOL J1, J2).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from onward.bus.ports import EventLog, Raw
from onward.contract.errors import Unavailable
from onward.process.loop import MORE, MoreToDo
from onward.process.metrics import Metrics
from onward_execution_state.database import (
    UNREACHABLE,
    Connection,
    Database,
    lies_in_the_data,
    why_unreachable,
)
from onward_execution_state.fold import Bad
from onward_execution_state.missed import note_missed
from onward_execution_state.store import Source
from onward_execution_state.traced import tell
from onward_execution_state.write import PositionMoved, Writer

log = logging.getLogger(__name__)

BATCH = 1000
PACE_SECONDS = 0.025
"""Time between rounds: events that come one by one share a transaction, and a list is that much older at most."""
MANY = 5
"""Events in a round from which on the next one waits longer: a transaction costs as much as the rows of several."""
LONGEST = 4
"""So many times PACE_SECONDS at most."""


class Projector:
    """One replica's projection of one stream."""

    def __init__(
        self,
        events: EventLog,
        database: Database,
        source: Callable[[], Awaitable[Source]],
        metrics: Metrics,
        *,
        most: int = BATCH,
        pace_seconds: float = PACE_SECONDS,
        bounds: Callable[[], Awaitable[tuple[int, int]]] | None = None,
    ) -> None:
        self.trouble: str | None = "has not started yet"
        """Why nothing is projected; None also while another replica does it."""
        self._events = events
        self._database = database
        self._source_now = source
        self._most = most
        self._pace_seconds = pace_seconds
        self._bounds = bounds
        self._begun, self._last = 0.0, 0
        self._connection: Connection | None = None
        self._source: Source | None = None
        self._writer: Writer | None = None
        self._ahead: tuple[int, asyncio.Task[list[Raw]]] | None = None
        self._count(metrics)

    @property
    def position(self) -> int | None:
        """How far the stream is projected; None while this replica does not lead."""
        return self._writer.position if self._writer else None

    async def run_once(self, now: datetime) -> MoreToDo | int:
        """Projects one batch; the number of its events, or MORE where others may wait."""
        await self._keep_pace()
        try:
            writer = await self._leading(now)
            batch = await self._next_batch(writer.position) if writer else []
            if writer and batch:
                await self._project(writer, batch, now)
        except PositionMoved:
            log.warning("the projection went on elsewhere: its position is read again")
            self._writer = None
            return MORE
        except UNREACHABLE as error:
            await self._let_go(why_unreachable(error))
            return 0
        except Unavailable as error:
            self.trouble = f"EVENTS cannot be read: {error}"
            # The server that comes back may have an older copy of the stream.
            self._writer = None
            return 0
        self.trouble, self._last = None, len(batch)
        return MORE if len(batch) == self._most else len(batch)

    async def close(self) -> None:
        """Lets another replica lead."""
        await self._let_go("this replica stops")

    async def _keep_pace(self) -> None:
        clock = asyncio.get_running_loop().time
        pace = self._pace_seconds * min(LONGEST, max(1.0, self._last / MANY))
        if self._ahead is None and (early := self._begun + pace - clock()) > 0:
            await asyncio.sleep(early)
        self._begun = clock()

    async def _leading(self, now: datetime) -> Writer | None:
        source = await self._source_now()
        if source != self._source:
            await self._let_go("the stream has begun anew")
            self._source = source
        if self._connection is None:
            self._connection = await self._database.writer(durable=False)
        if self._writer is None:
            writer = await Writer.leading(self._connection, source, now)
            if writer is not None and self._bounds is not None:
                await self._compare(self._connection, writer, await self._bounds(), now)
            self._writer = writer
        return self._writer

    async def _compare(
        self, connection: Connection, writer: Writer, bounds: tuple[int, int], now: datetime
    ) -> None:
        """Whether what is in Postgres and what is in EVENTS meet: an older copy of either may have been put back."""
        first, last = bounds
        if last < writer.position:
            log.error(
                "EVENTS ends at sequence %d, and was projected up to %d: an older copy of it was put back",
                last,
                writer.position,
            )
            # Nobody knows from where on it has gone another way, and nothing is written twice.
            await writer.go_back(0, now)
        elif first > writer.position + 1:
            # Nothing is purged that is not projected: this is not the Postgres that knew it.
            told = await note_missed(connection, writer.position + 1, first - 1, now)
            log.error("%s", told)

    async def _next_batch(self, after: int) -> list[Raw]:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == after:
            batch = await ahead[1]
        else:
            _give_up(ahead)
            batch = await self._events.scan(after, self._most)
        if len(batch) == self._most:
            last = batch[-1].sequence
            # Reading the next batch takes as long as writing this one.
            self._ahead = (last, asyncio.ensure_future(self._events.scan(last, self._most)))
        return batch

    async def _project(self, writer: Writer, batch: Sequence[Raw], now: datetime) -> None:
        """Writes a batch; one that Postgres or the fold refuses is halved until the bad event stands alone."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            bad = await writer.write(batch, now)
        except PositionMoved:
            raise
        except Exception as error:
            writer.forget()
            if not lies_in_the_data(error):
                raise
            if len(batch) > 1:
                half = len(batch) // 2
                await self._project(writer, batch[:half], now)
                await self._project(writer, batch[half:], now)
                return
            bad = await _alone(writer, batch[0], now)
        else:
            tell(batch, clock() - begun)
        self._projected.add(len(batch))
        self._set_aside.add(len(bad))
        for item in bad:
            log.error("event %d of %s is set aside: %s", item.raw.sequence, item.raw.subject, item.why)

    async def _let_go(self, why: str) -> None:
        if self._writer is not None:
            log.warning("the projection pauses: %s", why)
        self.trouble, self._writer = why, None
        _give_up(self._ahead)
        connection, self._connection, self._ahead = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*UNREACHABLE):
                await connection.close(timeout=1)

    def _count(self, metrics: Metrics) -> None:
        self._projected = metrics.counter("onward_projected_events_total", "Events written to Postgres")
        self._set_aside = metrics.counter(
            "onward_quarantined_events_total", "Events that could not be projected and were kept raw"
        )
        metrics.gauge("onward_projection_position", "EVENTS sequence up to which Postgres is written").set(
            lambda: self.position or 0
        )
        metrics.gauge("onward_projection_gaps", "Executions of which an event is missing").set(
            lambda: len(self._writer.gaps) if self._writer else 0
        )


async def _alone(writer: Writer, raw: Raw, now: datetime) -> list[Bad]:
    """Writes one that was refused with nothing remembered: its place may be gone since. Else sets it aside."""
    try:
        return await writer.write([raw], now)
    except PositionMoved:
        raise
    except Exception as error:
        writer.forget()
        if not lies_in_the_data(error):
            raise
        bad = Bad(raw, f"{type(error).__name__}: {error}")
        await writer.set_aside(bad, now)
        return [bad]


def _give_up(ahead: tuple[int, asyncio.Task[list[Raw]]] | None) -> None:
    if ahead is not None and not ahead[1].cancel() and not ahead[1].cancelled():
        # Asked, so that nobody reports it as never retrieved.
        ahead[1].exception()
