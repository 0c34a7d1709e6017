"""The half of this service that lives on Postgres: projection, answers, maintenance. It waits while that is away."""

import asyncio
import logging
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from onward.bus import streams
from onward.bus.audit import head
from onward.bus.bus import Bus
from onward.bus.depths import Depth, depths
from onward.contract.errors import Unavailable
from onward.process.fresh import new_id
from onward.process.health import Health
from onward.process.loop import Loop, RunOnce, utc_now
from onward.process.metrics import Metrics
from onward.process.stop import Stop
from onward_execution_state.alerting.loops import AlertLoops
from onward_execution_state.analytics.counting import Counter, CountSettings
from onward_execution_state.analytics.meters import QueueMeters
from onward_execution_state.analytics.sizing import SizingAnswers
from onward_execution_state.analytics.usual import usual
from onward_execution_state.auditing.answers import AuditAnswers
from onward_execution_state.auditing.writing import Auditor
from onward_execution_state.database import UNREACHABLE, Database, why_unreachable
from onward_execution_state.followers import queues
from onward_execution_state.leader import Leader
from onward_execution_state.life import StreamLife, life_of_events
from onward_execution_state.losses import Scrubber
from onward_execution_state.maintenance.carrying import Carrier
from onward_execution_state.maintenance.reconcile import Reconciler, ReconcileSettings
from onward_execution_state.maintenance.reminding import Reminder, RemindSettings
from onward_execution_state.maintenance.removal import Removal
from onward_execution_state.maintenance.repair import Repairer
from onward_execution_state.maintenance.retention import Retention, RetentionSettings
from onward_execution_state.maintenance.stalling import (
    Stalling,
    StallSettings,
    quiet_after,
)
from onward_execution_state.maintenance.sweeping import Sweeper
from onward_execution_state.maintenance.utilising import Utilising
from onward_execution_state.migrate import migrate
from onward_execution_state.overview import Overview
from onward_execution_state.project import Projector
from onward_execution_state.queries import Queries
from onward_execution_state.scheduling.history import TickHistory
from onward_execution_state.settings import Settings
from onward_execution_state.store import Source
from onward_execution_state.without_postgres import FOLLOWERS
from onward_execution_state.workers import Workers

log = logging.getLogger(__name__)

_POLL = timedelta(seconds=1)
_GATHER_SECONDS = 0.02
"""A transaction costs as much as a dozen events: rows may be this old, reads by id come from the log anyway."""
_CARRIED_AT_ONCE = 200
_TRY_AGAIN_SECONDS = 0.5
_TICKS = timedelta(seconds=2)
_SWEEP = timedelta(minutes=10)
_STALLS = timedelta(seconds=5)
_COUNTS = timedelta(seconds=2)
_METERS = timedelta(seconds=10)
_COUNTS_OF_SLOTS = timedelta(seconds=5)
_WORK = (
    "reconciling",
    "retention",
    "sweeping",
    "reminding",
    "stalling",
    "counting",
    "ticks",
    "utilising",
    "auditing",
    "removal",
    "scrubbing",
)
_AUDIT = timedelta(seconds=2)
_SCRUB = timedelta(seconds=20)


class WithPostgres:
    """Projects, answers, and keeps things in order."""

    def __init__(self, bus: Bus, settings: Settings, metrics: Metrics, workers: Workers) -> None:
        self._bus = bus
        self._settings = settings
        self._database = Database(settings.database_url, readers=settings.readers)
        self._schema: str | None = "the schema is not looked at yet"
        self._gathering: asyncio.TimerHandle | None = None
        life = life_of_events(bus.connection, time.monotonic)
        self._leaders = [Leader(self._database, work) for work in _WORK]
        self.projector = Projector(
            bus.events, self._database, life, metrics, most=settings.batch, bounds=bus.events.bounds
        )
        self._projection = Loop("projection", _POLL, self.projector.run_once)
        overview = Overview(self._database, workers, self._depths, self._facts, utc_now)
        self._alerts = AlertLoops(
            bus,
            settings,
            database=self._database,
            source=life,
            workers=workers,
            metrics=metrics,
            quietly=self._quietly,
        )
        told = AuditAnswers(self._database, partial(head, bus.connection)).answers()
        self._queries = Queries(self._database, life, overview, more={**self._alerts.answers, **told})
        self._loops = [
            self._projection,
            self._reconciling(metrics, workers),
            self._retention(metrics, life),
            self._removing(metrics, life),
            self._sweeping(metrics, life),
            self._reminding(metrics),
            self._stalling(metrics),
            *self._alerts.loops,
            self._counting(metrics),
            self._metering(overview, metrics),
            Loop(
                "utilising",
                _COUNTS_OF_SLOTS,
                self._quietly(Utilising(workers.counts, self._leaders[7]).run_once),
            ),
            Loop("ticks", _TICKS, self._quietly(TickHistory(bus.ticks, self._leaders[6]).run_once)),
            self._auditing(metrics, life),
            self._scrubbing(metrics, life),
        ]

    def poke(self) -> None:
        """Something is there to be projected: soon, together with what comes in the meantime."""
        self._alerts.stir()
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._project_now)

    def _project_now(self) -> None:
        self._gathering = None
        self._projection.poke()

    def watch(self, health: Health) -> None:
        """Adds what may be wrong here."""
        health.add_ready("schema", lambda: self._schema)
        health.add_ready("postgres", self._database.ready)
        health.add_ready("position", lambda: self.projector.trouble)
        for loop in self._loops:
            health.add_ready(loop.name, partial(_overdue, loop))

    async def answer(self) -> None:
        """Answers questions from now on; while Postgres is away, by saying so."""
        await self._queries.serve(self._bus.messages)

    async def run(self, stop: Stop) -> None:
        """Works until the stop, as soon as the schema is as it must be. Raises Misconfigured."""
        try:
            await self._migrate()
            await asyncio.gather(*(loop.run(stop) for loop in self._loops))
        finally:
            await self.projector.close()
            await self._alerts.close()
            for leader in self._leaders:
                await leader.close()
            await self._queries.close()
            await self._database.close()

    async def _migrate(self) -> None:
        while self._schema is not None:
            try:
                connection = await self._database.writer(durable=True)
                try:
                    for version in await migrate(connection, utc_now()):
                        log.info("migration %d is applied", version)
                finally:
                    await connection.close()
                self._schema = None
            except UNREACHABLE as error:
                if self._schema != (why := why_unreachable(error)):
                    log.warning("waiting for the schema: %s", why)
                self._schema = why
                await asyncio.sleep(_TRY_AGAIN_SECONDS)

    def _reconciling(self, metrics: Metrics, workers: Workers) -> Loop:
        settings = ReconcileSettings()
        repairer = Repairer(
            self._bus.connection,
            events=self._bus.events,
            messages=self._bus.messages,
            workers=workers,
            new_id=new_id,
            ack_wait=settings.ack_wait,
        )
        reconciler = Reconciler(
            settings, leader=self._leaders[0], repairer=repairer, events=self._bus.events, metrics=metrics
        )
        every = timedelta(seconds=self._settings.reconcile_seconds)
        return Loop("reconciling", every, self._quietly(reconciler.run_once))

    def _retention(self, metrics: Metrics, life: Any) -> Loop:
        retention = Retention(
            RetentionSettings(horizon=timedelta(seconds=self._settings.horizon_seconds), followers=FOLLOWERS),
            leader=self._leaders[1],
            connection=self._bus.connection,
            events=self._bus.events,
            carrier=Carrier(self._bus.events, new_id, at_once=_CARRIED_AT_ONCE),
            source=life,
            metrics=metrics,
        )
        every = timedelta(seconds=self._settings.retention_seconds)
        return Loop("retention", every, self._quietly(retention.run_once))

    def _removing(self, metrics: Metrics, life: StreamLife) -> Loop:
        folder = self._settings.export_folder
        removal = Removal(
            self._leaders[9],
            self._database,
            source=life,
            config=self._bus.config,
            folder=Path(folder) if folder else None,
            metrics=metrics,
        )
        every = timedelta(seconds=self._settings.retention_seconds)
        return Loop("removal", every, self._quietly(removal.run_once))

    def _sweeping(self, metrics: Metrics, life: StreamLife) -> Loop:
        sweeper = Sweeper(
            leader=self._leaders[2], connection=self._bus.connection, source=life, metrics=metrics
        )
        return Loop("sweeping", _SWEEP, self._quietly(sweeper.run_once))

    def _reminding(self, metrics: Metrics) -> Loop:
        reminder = Reminder(
            RemindSettings(),
            leader=self._leaders[3],
            events=self._bus.events,
            new_id=new_id,
            metrics=metrics,
        )
        every = timedelta(seconds=self._settings.remind_seconds)
        return Loop("reminding", every, self._quietly(reminder.run_once))

    def _stalling(self, metrics: Metrics) -> Loop:
        stalling = Stalling(
            StallSettings(quiet_seconds=self._settings.stall_seconds),
            leader=self._leaders[4],
            lines=self._bus.lines,
            quiet_after=partial(quiet_after, self._bus.config),
            usual=usual,
            metrics=metrics,
        )
        return Loop("stalling", _STALLS, self._quietly(stalling.run_once))

    def _auditing(self, metrics: Metrics, life: StreamLife) -> Loop:
        auditor = Auditor(self._leaders[8], self._bus.connection, life, metrics)
        return Loop("auditing", _AUDIT, self._quietly(auditor.run_once))

    def _counting(self, metrics: Metrics) -> Loop:
        counter = Counter(CountSettings(), self._leaders[5], metrics)
        return Loop("counting", _COUNTS, self._quietly(counter.run_once))

    def _metering(self, overview: Overview, metrics: Metrics) -> Loop:
        sizing = SizingAnswers(self._database, overview, utc_now)
        meters = QueueMeters(self._database, overview, sizing, metrics)
        return Loop("metering", _METERS, self._quietly(meters.run_once))

    def _scrubbing(self, metrics: Metrics, life: StreamLife) -> Loop:
        async def where() -> tuple[Source, int, int]:
            now = await streams.state(self._bus.connection)
            return await life(), now.first_sequence, now.last_sequence

        scrubber = Scrubber(self._leaders[10], self._bus.events, where, metrics)
        return Loop("scrubbing", _SCRUB, self._quietly(scrubber.run_once))

    def _quietly(self, run_once: RunOnce) -> RunOnce:
        """A round that finds Postgres or NATS away is no failure of its own: /readyz tells of that."""

        async def quiet(now: datetime) -> Any:
            try:
                return await run_once(now)
            except (*UNREACHABLE, Unavailable) as error:
                log.info("a round is left out: %s: %s", type(error).__name__, error)
                return None

        return quiet

    async def _depths(self, project: str) -> dict[tuple[str, str], Depth]:
        names = set(self._bus.config.items(project, queues.KIND))
        if project == queues.DEFAULT[0]:
            names.add(queues.DEFAULT[1])
        return await depths(self._bus.connection, project, sorted(names))

    async def _facts(self) -> dict[str, Any]:
        position, last = self.projector.position, (await streams.state(self._bus.connection)).last_sequence
        return {
            "leads": position is not None,
            "position": position,
            "last_sequence": last,
            "lag": None if position is None else max(0, last - position),
            "trouble": self.projector.trouble,
        }


def _overdue(loop: Loop) -> str | None:
    return loop.overdue(utc_now())
