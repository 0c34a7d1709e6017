"""The half of this service that works while Postgres is down: streams, followers, the supervisor."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from onward.bus import follow, timers, topology
from onward.bus.begin_permits import BeginPermits
from onward.bus.bus import Bus
from onward.bus.connection import Connection, connect
from onward.bus.deadlines import end_overdue, follow_deadlines
from onward.bus.ports import Follower, Raw
from onward.bus.verify import verify
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.decide import Hint, Moment
from onward.contract.errors import Unavailable
from onward.process.backoff import full_jitter
from onward.process.fresh import new_id
from onward.process.loop import Loop, utc_now
from onward.process.metrics import Metrics
from onward.process.stop import Stop
from onward_execution_state.followers.announcer import Announcer
from onward_execution_state.followers.direct_hints import DirectHints
from onward_execution_state.followers.families import Families
from onward_execution_state.followers.limits import Limits
from onward_execution_state.followers.queues import Queues
from onward_execution_state.followers.supervisor import DISCONNECTS, Supervisor
from onward_execution_state.followers.timekeeper import Timekeeper
from onward_execution_state.followers.triggers import Triggers
from onward_execution_state.moments import moments_of
from onward_execution_state.scheduling.scheduler import Scheduler
from onward_execution_state.scheduling.submitting import Gateways
from onward_execution_state.settings import Settings
from onward_execution_state.workers import Workers

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

FOLLOWERS = ("followers",)
"""The durable consumers of EVENTS. The followers share one: the server hands each event over once."""

_BATCH = 500
_LOOK_AT_SOURCE = timedelta(seconds=1)
_LOOK_AT_SCHEDULES = timedelta(seconds=0.5)


class WithoutPostgres:
    """Makes the streams, then follows them."""

    def __init__(self, bus: Bus, settings: Settings, metrics: Metrics, stop: Stop) -> None:
        self.trouble: str | None = "the streams are not made yet"
        self.ready = asyncio.Event()
        """Set once the streams are as they must be."""
        self.on_event: Callable[[], None] = lambda: None
        """Called for each event, as soon as it is stored."""
        self.workers = Workers(utc_now())
        self.queues = Queues(lambda project, queue: topology.ensure_queue(bus.connection, project, queue))
        self._bus = bus
        self._settings = settings
        self._stop = stop
        self._supervisor = Supervisor(bus.events, bus.messages, self.workers, metrics)
        self._timekeeper = Timekeeper(self._schedule, self._purge_timers, metrics)
        self._announcer = Announcer(bus.messages.publish)
        permit = BeginPermits(bus.messages, bus.config).ask
        self._families = Families(bus.events, bus.messages, moments_of("family_keeper"), permit, metrics)
        self._triggers = Triggers(bus.events, bus.objects, moments_of("triggers"), permit, metrics)
        self._limits = Limits(bus, moments_of("limit_keeper"), metrics, make=self._make_streams)
        self._direct_hints = DirectHints(bus.connection, bus.events, metrics)
        self._scheduler = Scheduler(bus.ticks, bus.events, Gateways(bus.messages), metrics)

    async def run(self) -> None:
        """Works until it is cancelled. Raises Misconfigured."""
        system = await self._system()
        try:
            await self._run(system)
        finally:
            if system is not None:
                await system.close()

    async def _run(self, system: Connection | None) -> None:
        async with asyncio.TaskGroup() as tasks:
            await self._start_streams(system)
            await self._listen(system)
            tasks.create_task(self.queues.run())
            tasks.create_task(self._follow(FOLLOWERS[0], self._each))
            tasks.create_task(self._keep_deadlines())
            tasks.create_task(_patiently("limits", self._limits.run))
            direct_hints = Loop("direct hints", _LOOK_AT_SOURCE, self._direct_hints.run_once)
            self._direct_hints.again = direct_hints.poke
            tasks.create_task(direct_hints.run(self._stop))
            tasks.create_task(Loop("schedules", _LOOK_AT_SCHEDULES, self._scheduler.run_once).run(self._stop))
            self.trouble = None
            self.ready.set()

    async def _system(self) -> Connection | None:
        url = self._settings.nats_sys_url
        if url is None:
            log.warning(
                "ONWARD_NATS_SYS_URL is not set: a dead worker is noticed by ack_wait, and not at once"
            )
            return None
        return await _patiently(
            "the system account",
            lambda: connect(
                url,
                f"{self._bus.connection.name}-system",
                on_closed=lambda: self._stop.fail("the connection to the system account is closed for good"),
            ),
        )

    async def _start_streams(self, system: Connection | None) -> None:
        async def start() -> None:
            await self._make_streams()
            warnings = await verify(self._bus.connection, system=system, lazy_fsync=self._settings.lazy_fsync)
            for warning in warnings:
                log.warning("%s", warning)

        await _patiently("the streams", start)
        self._bus.config.on_change(self.queues.hear)
        self._bus.config.on_change(self._scheduler.hear)
        self._bus.config.on_change(self._limits.changed)
        await _patiently("CONFIG", self._bus.config.start)

    async def _make_streams(self) -> None:
        await topology.ensure(self._bus.connection, replicas=self._settings.replicas)

    async def _listen(self, system: Connection | None) -> None:
        messages = self._bus.messages

        async def stored(_subject: str, data: bytes) -> None:
            self._supervisor.hear_event(data)
            self._families.hear(data)
            self._limits.hear(data)
            self.on_event()

        async def beat(_subject: str, data: bytes) -> None:
            if (heard := self.workers.hear(data, utc_now())) is not None:
                self._supervisor.hear_heartbeat(heard)

        await _patiently("echoes", lambda: messages.subscribe(subjects.ECHO_OF_EVENTS, stored))
        await _patiently("heartbeats", lambda: messages.subscribe(subjects.ALL_HEARTBEATS, beat))
        if system is not None:
            system.listen(DISCONNECTS, lambda _s, _r, _h, data: self._supervisor.hear_disconnect(data))

    async def _each(self, batch: Sequence[Raw]) -> Awaitable[None] | None:
        takers = (self._families, self._triggers, self._limits)
        begun = [act for taker in takers if (act := taker.take(batch)) is not None]
        # The timekeeper first: it is the one that can fail, and then nothing was announced yet.
        await self._timekeeper(batch)
        await self._announcer(batch)
        return _all(begun) if begun else None

    async def _follow(self, name: str, follower: Follower) -> None:
        while True:
            await _patiently(
                f"the follower {name}", lambda: follow.follow(self._bus.connection, name, follower, _BATCH)
            )

    async def _keep_deadlines(self) -> None:
        while True:
            await _patiently("deadlines", lambda: follow_deadlines(self._bus.connection, self._end_overdue))

    async def _end_overdue(self, hint: Hint) -> bool:
        return await end_overdue(self._bus.events, hint, _moment)

    async def _schedule(self, event: ev.AnyEvent, sequence: int) -> bool:
        return await timers.schedule(self._bus.connection, event, sequence)

    async def _purge_timers(self, project: str, execution_id: str) -> int:
        return await timers.purge(self._bus.connection, project, execution_id)


async def _all(begun: Sequence[Awaitable[None]]) -> None:
    await asyncio.gather(*begun)


def _moment() -> Moment:
    now = utc_now()
    return Moment(
        now=now,
        new_id=new_id,
        actor="timekeeper",
    )


async def _patiently(what: str, act: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """The result of `act`, tried again for as long as something it needs is away."""
    failures = 0
    while True:
        try:
            return await act()
        except Unavailable as error:
            failures += 1
            log.warning("waiting for %s: %s", what, error)
            await asyncio.sleep(full_jitter(failures))
