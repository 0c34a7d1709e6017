"""Removes large values that no event refers to: what was stored, and whose append then lost, or never came.

A value is stored before the event that names it. So nothing younger than a day is looked at, and only by a database
that knows all events of that time; an event refers to its value for ever, so each is judged once in a process' life.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from onward.bus import strays, streams
from onward.bus.connection import Connection as NatsConnection
from onward.contract import ids, subjects
from onward.process.loop import MORE, MoreToDo
from onward.process.metrics import Metrics
from onward_execution_state import store
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load
from onward_execution_state.store import Source

log = logging.getLogger(__name__)

GRACE = timedelta(days=1)
"""Far above the ten minutes for which a worker tries to append what it has stored."""
_PROJECTED_SECONDS = 5.0
_SQL = load("upkeep.sql")


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What one round removed; `held_by` is why it looked at nothing."""

    values: int = 0
    uploads: int = 0
    held_by: str | None = None


class Sweeper:
    """The loop's work; one replica does it at a time."""

    def __init__(
        self,
        *,
        leader: Leader,
        connection: NatsConnection,
        source: Callable[[], Awaitable[Source]],
        metrics: Metrics,
        grace: timedelta = GRACE,
    ) -> None:
        self._leader = leader
        self._nats = connection
        self._source_now = source
        self._grace = grace
        self._looked_to = 0
        self._in_use: set[str] = set()
        self._removed = metrics.counter(
            "onward_swept_values_total", "Large values removed because no event refers to them"
        )

    async def run_once(self, now: datetime) -> Swept | MoreToDo:
        """One page of old values; MORE while there are others, then the uploads that were never finished."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            self._looked_to, self._in_use = 0, set()
            return Swept(held_by="another replica")
        page = await strays.entries(self._nats, self._looked_to)
        if (held_by := await self._ignorant(postgres, now)) is not None:
            return Swept(held_by=held_by)
        removed = 0
        for entry in page:
            if entry.stored_at > now - self._grace:
                page = []
                break
            removed += await self._judge(postgres, entry)
        self._removed.add(removed)
        return MORE if page else Swept(values=removed, uploads=await self._strays(now))

    async def _judge(self, postgres: Connection, entry: strays.Entry) -> bool:
        owner = subjects.object_owner(entry.name)
        # What another tool has put here is no business of ours.
        gone = owner is not None and not await postgres.fetchval(
            _SQL["refers_to"], owner[1], entry.name.encode()
        )
        if gone:
            await strays.remove(self._nats, entry)
            log.info("removed a large value that no event refers to: %s", entry.name)
        else:
            self._in_use.add(entry.upload)
        self._looked_to = entry.sequence
        return gone

    async def _strays(self, now: datetime) -> int:
        """Removes old uploads that no value names: their process died in the middle."""
        until = (now - self._grace).timestamp()
        found = await strays.uploads(self._nats)
        gone = [upload for upload in found - self._in_use if (ids.unix_seconds(upload) or until) < until]
        await strays.remove_uploads(self._nats, gone)
        return len(gone)

    async def _ignorant(self, postgres: Connection, now: datetime) -> str | None:
        """Why this database may not say that nothing refers to a value: it does not know all events."""
        source, stream = await self._source_now(), await streams.state(self._nats)
        purged_to = await postgres.fetchval(_SQL["purged_to"], source.stream, source.incarnation) or 0
        if stream.first_sequence - 1 > purged_to:
            return "a database that has not seen what was purged"
        end = asyncio.get_running_loop().time() + _PROJECTED_SECONDS
        while await store.position(postgres, source, now) < stream.last_sequence:
            if asyncio.get_running_loop().time() > end:
                return "the projection"
            await asyncio.sleep(0.05)
        return None
