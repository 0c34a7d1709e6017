"""The composition root of a worker process: `python -m onward_worker`."""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

import onward
from onward.bus import config
from onward.bus.begin_permits import BeginPermits
from onward.bus.bus import Bus, open_bus
from onward.bus.hints import Hints
from onward.bus.limit_rules import LimitRules
from onward.bus.specs import Specs
from onward.contract import ids
from onward.contract.decide import Moment, Owner
from onward.contract.errors import Unavailable
from onward.contract.submission import QueueSpec
from onward.process.fresh import new_id
from onward.process.health import Health
from onward.process.health_server import serve_health
from onward.process.metrics import Metrics
from onward.process.run import run
from onward.process.settings import load_or_exit
from onward.process.stop import Stop
from onward.tasks.registry import Registry
from onward.telemetry.setup import start_telemetry
from onward.telemetry.trace import traceparent
from onward.worker.attempt import Env
from onward.worker.capture import install
from onward.worker.engine import Engine
from onward.worker.keeper import About
from onward.worker.lease import Lease
from onward.worker.permit import Permits
from onward.worker.scrub import declared
from onward.worker.surroundings import Places
from onward_worker.load import load_registry
from onward_worker.settings import Settings, names, weighted
from onward_worker.watchdog import Watchdog, connection_name

log = logging.getLogger("onward.worker")


def moment() -> Moment:
    """Now, by this worker."""
    return Moment(now=datetime.now(UTC), new_id=new_id, actor=None, trace=traceparent())


async def announce(bus: Bus, project: str, registry: Registry, queues: tuple[str, ...]) -> None:
    """Put tasks and queues into CONFIG, where they are new or different."""
    for queue in queues:
        spec = QueueSpec(name=ids.check_name("queue", queue))
        await config.keep(bus.connection, project, "queue", queue, msgspec.json.encode(spec), replace=False)
    for task in registry:
        await config.keep(bus.connection, project, "task", task.name, msgspec.json.encode(task.spec))


def _versions(registry: Registry) -> dict[str, str]:
    return {name: task.spec.version for name, task in registry.tasks.items() if task.spec.version}


async def work(stop: Stop, settings: Settings) -> None:
    """Run a worker until it is asked to stop; then drain it."""
    worker_id = new_id()
    telemetry = start_telemetry("onward-worker", worker_id)  # it sets up the log that `install` adds to
    uninstall = install()  # before the tasks' modules are imported: they may keep sys.stdout
    registry, weights = load_registry(names(settings.tasks)), weighted(settings.queues)
    queues = tuple(weights)
    bus = await open_bus(
        settings.nats_url, worker_id, lambda: stop.fail("the connection to NATS is closed for good")
    )
    await _patiently(stop, lambda: announce(bus, settings.project, registry, queues))
    await _patiently(stop, bus.config.start)
    places = Places(Specs(bus.config), declared(os.environ))
    env = Env(
        events=bus.events,
        lines=bus.lines,
        objects=bus.objects,
        registry=registry,
        owner=Owner(worker_id=worker_id, connection=worker_id, versions=_versions(registry)),
        moment=moment,
        now=lambda: datetime.now(UTC),
        places=places,
        random=random.random,
        alive=_nobody,
        holds={},
        grace=settings.cancel_grace,
        permit=Permits(bus.messages).ask,
        may_begin=BeginPermits(bus.messages, bus.config).ask,
        gates=LimitRules(bus.config).of_execution,
    )
    about = About(
        project=settings.project,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=onward.__version__,
        queues=queues,
        slots=settings.slots,
        started_at=datetime.now(UTC),
        connections=(worker_id, connection_name(worker_id)),
        weights={queue: weight for queue, weight in weights.items() if weight != 1.0},
    )
    lease = Lease(ack_wait=settings.ack_wait)
    hints = bus.hints(settings.project, queues, weights)
    hints.hold_back(places.paused(settings.project))
    bus.config.on_change(lambda project, kind, *_: _queues_changed(project, kind, settings, hints, places))
    engine = Engine(env, hints, bus.messages, about, lease=lease, kept=True)
    metrics = _metrics(engine)
    telemetry.export(metrics.read)
    watchdog = Watchdog(settings.nats_url, engine, about, metrics, stop.fail)
    async with serve_health(settings.host, settings.port, _health(bus, stop), metrics):
        await watchdog.start()
        await engine.start()
        ends = tuple(map(asyncio.ensure_future, (stop.wait(), engine.wait(), engine.left.wait())))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if ends[1].done():
            stop.fail(f"a loop of the worker ended: {ends[1].exception()!r}")
        elif ends[2].done():
            stop.request("it was told to drain and to end then")
        await engine.drain(settings.drain_seconds)
        await watchdog.stop()
    await bus.close()
    uninstall()
    telemetry.shutdown()


async def _patiently(stop: Stop, act: Callable[[], Awaitable[None]]) -> None:
    """Try until it succeeds or the process has to end: on a fresh cluster others make the streams first."""
    while not stop.requested:
        try:
            await act()
        except Unavailable as error:
            log.warning("waiting for CONFIG: %s", error)
            await stop.sleep(0.5)
        else:
            return


def _queues_changed(project: str, kind: str, settings: Settings, hints: Hints, places: Places) -> None:
    if (project, kind) == (settings.project, QueueSpec.KIND):
        hints.hold_back(places.paused(project))


async def _nobody(_: str, __: str) -> bool:
    return False


def _health(bus: Bus, stop: Stop) -> Health:
    health = Health()
    health.add_ready("nats", lambda: None if bus.connection.connected else "not connected to NATS")
    health.add_ready("draining", lambda: "draining" if stop.requested else None)
    return health


def _metrics(engine: Engine) -> Metrics:
    metrics = Metrics()
    metrics.gauge("onward_worker_slots", "Executions this worker runs at once").set(
        lambda: engine.orders.slots
    )
    metrics.gauge("onward_worker_running", "Slots in use").set(lambda: engine.running)
    return metrics


def main() -> None:
    """Read the settings, then work."""
    settings = load_or_exit(Settings, "WORKER", os.environ)
    run(lambda stop: work(stop, settings), grace_seconds=settings.drain_seconds + 4 * settings.cancel_grace)


if __name__ == "__main__":
    main()
