"""Gives the hints of a dead worker back at once, instead of waiting until they are overdue (PROTOCOL H3).

The server tells who has disconnected; heartbeats and `started` events tell what that worker held; the log decides
whether it still does. Being wrong is safe: the fence keeps whoever still works from writing after it was taken over.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from datetime import UTC, datetime

import msgspec

from onward.bus.ports import EventLog, Messages
from onward.contract import events as ev
from onward.contract.errors import OnwardError
from onward.contract.submission import Heartbeat
from onward.process.metrics import Metrics
from onward_execution_state.followers.departed import Departed
from onward_execution_state.workers import Workers

log = logging.getLogger(__name__)

DISCONNECTS = "$SYS.ACCOUNT.*.DISCONNECT"
"""Where the server tells of connections that have ended, to the system account only."""
GRACE_SECONDS = 2.0
SURE_SECONDS = 0.04
"""A process that has closed its connections gets so long: where only the wire broke, it is back within it."""
SETTLE_SHARE = 0.25
"""The share of the grace in which a heartbeat proves nothing: it may have been sent before the connection ended."""
CLOSED_BY_ITS_PROCESS = "Client Closed"
_STARTED = b'"type":"started"'
_AT_ONCE = 16
_REMEMBERED = 10_000


class _Client(msgspec.Struct):
    name: str = ""


class Disconnected(msgspec.Struct):
    """What the server says when a connection ends, and when that was by its clock."""

    client: _Client
    reason: str = ""
    timestamp: datetime | None = None


class Held(msgspec.Struct, frozen=True):
    """An execution that a worker claimed, at a time of the worker's clock."""

    project: str
    since: datetime | None = None


class Supervisor:
    """Knows who holds what, as far as it was heard, and acts when a worker's connection ends."""

    def __init__(
        self,
        events: EventLog,
        messages: Messages,
        workers: Workers,
        metrics: Metrics,
        *,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._events = events
        self._messages = messages
        self._departed = Departed(messages)
        self._workers = workers
        self._grace_seconds = grace_seconds
        self._holds: dict[str, dict[str, Held]] = {}
        self._beats: dict[str, int] = {}
        self._beat_at: dict[str, datetime] = {}
        self._connections: dict[str, tuple[str, ...]] = {}
        self._owners: dict[str, str] = {}
        self._closed: dict[str, set[str]] = {}
        self._gone: OrderedDict[str, datetime | None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self._given_back = metrics.counter(
            "onward_hints_given_back_total", "Hints taken from workers that died"
        )

    def hear_event(self, data: bytes) -> None:
        """Notes who claimed what; every other event is none of its business."""
        if _STARTED not in data:
            return
        try:
            event = ev.decode(data)
        except msgspec.MsgspecError:
            return
        if not isinstance(event, ev.Started):
            return
        held = Held(event.project, event.at)
        if event.worker_id in self._gone:
            gone_at = self._gone[event.worker_id]
            if gone_at is None or event.at <= gone_at:
                # Its last claim is heard after its end.
                self._spawn(self._give_back(event.worker_id, event.execution_id, held))
                return
            # It claims: it lives, and only its connections had ended.
            self._returned(event.worker_id)
        self._holds.setdefault(event.worker_id, {})[event.execution_id] = held

    def hear_heartbeat(self, beat: Heartbeat) -> None:
        """What a worker says it holds replaces what was heard before, but for what it has claimed lately.

        A claim that was on its way to the log while the worker spoke is in no heartbeat before the next.
        """
        self._returned(beat.worker_id)
        before = self._holds.get(beat.worker_id, {})
        since = self._beat_at.get(beat.worker_id, datetime.min.replace(tzinfo=UTC))
        self._beat_at[beat.worker_id] = beat.at
        newer = {key: held for key, held in before.items() if held.since and held.since >= since}
        self._holds[beat.worker_id] = {key: Held(beat.project) for key in beat.holds} | newer
        self._beats[beat.worker_id] = self._beats.get(beat.worker_id, 0) + 1
        if beat.connections and beat.worker_id not in self._connections:
            self._connections[beat.worker_id] = beat.connections
            self._owners.update(dict.fromkeys(beat.connections, beat.worker_id))

    def hear_disconnect(self, data: bytes) -> None:
        """A connection has ended; if a worker has none left, its hints go to others."""
        try:
            ended = msgspec.json.decode(data, type=Disconnected)
        except msgspec.MsgspecError:
            return
        name = ended.client.name
        worker_id = self._owners.get(name, name)
        if worker_id in self._holds:
            self._spawn(self._connection_ended(worker_id, name, ended))

    async def settled(self) -> None:
        """Waits until everything heard so far is acted upon."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _returned(self, worker_id: str) -> None:
        self._gone.pop(worker_id, None)
        self._departed.back(worker_id)

    async def _connection_ended(self, worker_id: str, name: str, ended: Disconnected) -> None:
        """A process that has ended closed all its connections; one that lives connects again, and beats meanwhile."""
        closed = self._closed.setdefault(worker_id, set())
        if ended.reason == CLOSED_BY_ITS_PROCESS:
            closed.add(name)
        surely = closed.issuperset(self._connections.get(worker_id, (worker_id,)))
        if not surely:
            await asyncio.sleep(self._grace_seconds * SETTLE_SHARE)
        beats = self._beats.get(worker_id)
        await asyncio.sleep(SURE_SECONDS if surely else self._grace_seconds * (1 - SETTLE_SHARE))
        if not surely:
            closed.discard(name)
        if self._beats.get(worker_id) != beats and self._beat_after(worker_id, ended):
            closed.clear()
            return
        if worker_id in self._holds:
            if surely:
                await self._departed.gone(worker_id)
            await self._worker_left(worker_id, ended)

    def _beat_after(self, worker_id: str, ended: Disconnected) -> bool:
        """Whether its last heartbeat was sent after that, as far as their clocks tell: one may have been on its way."""
        at = self._beat_at.get(worker_id)
        return at is None or ended.timestamp is None or at > ended.timestamp

    async def _worker_left(self, worker_id: str, ended: Disconnected) -> None:
        self._workers.ended(worker_id)
        self._beats.pop(worker_id, None)
        self._beat_at.pop(worker_id, None)
        self._closed.pop(worker_id, None)
        for name in self._connections.pop(worker_id, ()):
            self._owners.pop(name, None)
        holds = self._holds.pop(worker_id, {})
        self._gone[worker_id] = ended.timestamp
        while len(self._gone) > _REMEMBERED:
            self._gone.popitem(last=False)
        if holds:
            log.warning("worker %s is gone (%s) and held %d executions", worker_id, ended.reason, len(holds))
        await asyncio.gather(*(self._give_back(worker_id, *held) for held in holds.items()))

    async def _give_back(self, worker_id: str, execution_id: str, held: Held) -> None:
        try:
            async with self._few:
                found = await self._events.read(held.project, execution_id)
        except OnwardError as error:
            # The hint comes back by itself when it is overdue.
            log.warning(
                "the log of %s cannot be read now: %s",
                execution_id,
                error,
                extra={"execution_id": execution_id},
            )
            return
        state = found.execution if found else None
        if state is None or state.ended or state.worker_id != worker_id or state.ack_subject is None:
            return
        await self._messages.publish(state.ack_subject, b"-NAK")
        self._given_back.add()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
