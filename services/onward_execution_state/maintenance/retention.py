"""Purges old events, and nothing that anybody still needs (PROTOCOL T2).

What may go ends at S, the smallest of: the horizon, and how far the projection, the followers and WORK's source have
come. What is still open with its beginning at or before S is first written anew at the end of the log, as `carried`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec

from onward.bus import config, follow, streams
from onward.bus.connection import Connection as NatsConnection
from onward.bus.ports import EventLog
from onward.contract import events as ev
from onward.contract import subjects
from onward.process.loop import MORE, MoreToDo
from onward.process.metrics import Metrics
from onward_execution_state import store
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.carrying import Carrier
from onward_execution_state.statements import load
from onward_execution_state.store import Source

log = logging.getLogger(__name__)

FLOOR = ("default", "retention", "floor")
"""The CONFIG resource that tells every gateway that EVENTS was purged, and how far (PROTOCOL T3)."""

_PROJECTED_SECONDS = 5.0
_SILENT_SECONDS = 3.0
_SQL = load("upkeep.sql")


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long EVENTS keeps what is over, and how gently it lets go."""

    horizon: timedelta = timedelta(hours=24)
    step: int = 5000
    """Events purged by one request; the server does nothing else meanwhile."""
    followers: tuple[str, ...] = ()
    """Durable followers of EVENTS that must have acted first."""


class Retained(msgspec.Struct, frozen=True, kw_only=True):
    """What one round came to; `held_by` is what kept it from purging up to the horizon."""

    purged_to: int = 0
    carried: int = 0
    held_by: str | None = None


class Retention:
    """The loop's work; one replica does it at a time."""

    def __init__(
        self,
        settings: RetentionSettings,
        *,
        leader: Leader,
        connection: NatsConnection,
        events: EventLog,
        carrier: Carrier,
        source: Callable[[], Awaitable[Source]],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._leader = leader
        self._nats = connection
        self._events = events
        self._carrier = carrier
        self._source_now = source
        self._told = 0
        self._purged = metrics.counter(
            "onward_purged_events_total", "Events removed from EVENTS by retention"
        )
        self._carried = metrics.counter("onward_carried_total", "Open executions whose log was written anew")
        self._floor = metrics.gauge("onward_purged_to", "EVENTS sequence up to which everything is purged")

    async def run_once(self, now: datetime) -> Retained | MoreToDo:
        """One step of purging, with what has to be carried for it; MORE while others may follow."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return Retained(held_by="another replica")
        source = await self._source_now()
        stream = await streams.state(self._nats)
        held_by, target = await self._target(postgres, source, stream, now)
        purged_to = await postgres.fetchval(_SQL["purged_to"], source.stream, source.incarnation) or 0
        last = min(target, stream.first_sequence - 1 + self._settings.step)
        # Below what is purged already, this mends what was retried just while its beginning was purged.
        written = await self._carrier.carry(postgres, max(last, purged_to), now)
        if written is None:
            return Retained(purged_to=purged_to, held_by="an execution that cannot be carried")
        self._carried.add(len(written))
        if len(written) < self._carrier.at_once and last >= stream.first_sequence:
            await self._tell(target)
            purged_to = await self._purge(postgres, source, last, now)
        await self._until_projected(postgres, source, max(written, default=0), now)
        # What was retried while its beginning was being purged; nobody can read it until then.
        await self._carrier.carry(postgres, purged_to, now)
        if len(written) == self._carrier.at_once or stream.first_sequence <= last < target:
            return MORE
        return Retained(purged_to=purged_to, carried=len(written), held_by=held_by)

    async def _target(
        self, postgres: Connection, source: Source, stream: streams.StreamState, now: datetime
    ) -> tuple[str | None, int]:
        """How far may be purged, and who keeps it from being the horizon."""
        horizon = await self._older_than(now - self._settings.horizon, stream)
        limits = {"the projection": await store.position(postgres, source, now)}
        for name in self._settings.followers:
            limits[f"the follower {name}"] = await follow.ack_floor(self._nats, name) or 0
        fed = (await streams.work_source_lag(self._nats)).get(subjects.EVENTS)
        heard = fed is not None and fed.silent_for is not None and fed.silent_for < _SILENT_SECONDS
        limits["WORK's source"] = stream.last_sequence if fed and heard and fed.lag == 0 else 0
        held_by, needed = min(limits.items(), key=lambda limit: limit[1])
        return (None, horizon) if horizon <= needed else (held_by, needed)

    async def _older_than(self, moment: datetime, stream: streams.StreamState) -> int:
        """The last sequence of an event from before this moment, found by halving."""
        low, high = max(stream.first_sequence - 1, 0), stream.last_sequence
        while low < high:
            middle = (low + high + 1) // 2
            found = await self._events.scan(middle - 1, 1)
            if found and found[0].sequence <= high and _happened_before(found[0].data, moment):
                low = found[0].sequence
            else:
                high = middle - 1
        return low

    async def _tell(self, target: int) -> None:
        """Before anything is purged, so that no gateway takes a key for new because EVENTS has forgotten it."""
        if self._told < target:
            await config.put(self._nats, *FLOOR, msgspec.json.encode({"purged_to": target}), None)
            self._told = target

    async def _purge(self, postgres: Connection, source: Source, last: int, now: datetime) -> int:
        # A durable commit: with it, all that the projection has committed before is on disk too.
        await postgres.execute(_SQL["note_purge"], source.stream, source.incarnation, last, now)
        purged = await streams.purge_to(self._nats, last)
        self._purged.add(purged)
        self._floor.set(last)
        log.info("purged %d events, up to sequence %d", purged, last)
        return last

    async def _until_projected(
        self, postgres: Connection, source: Source, sequence: int, now: datetime
    ) -> None:
        """Waits until the rows know what was carried: the next round would carry it again."""
        deadline = asyncio.get_running_loop().time() + _PROJECTED_SECONDS
        while await store.position(postgres, source, now) < sequence:
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(0.02)


def _happened_before(data: bytes, moment: datetime) -> bool:
    try:
        return ev.decode(data).at < moment
    except msgspec.MsgspecError:
        # It is in quarantine, and no reason to keep its neighbours.
        return True
