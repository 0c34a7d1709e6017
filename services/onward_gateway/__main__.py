"""The composition root of the gateway: `python -m onward_gateway`."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import uvicorn

from onward.bus import audit, streams
from onward.bus.bus import Bus, open_bus
from onward.bus.depths import depths
from onward.contract import subjects
from onward.contract.quota import BACKLOG, QuotaSpec
from onward.http.load import Load
from onward.process.fresh import new_id
from onward.process.health import Health
from onward.process.loop import Loop, utc_now
from onward.process.metrics import Metrics
from onward.process.run import run
from onward.process.settings import load_or_exit
from onward.process.stop import Stop
from onward.telemetry.setup import start_telemetry
from onward_gateway.app import create_app
from onward_gateway.bulk_runner import BulkRunner, poked_by
from onward_gateway.drafting import DraftKeeper
from onward_gateway.forward import Relay
from onward_gateway.gateway import Gateway
from onward_gateway.inside import Inside
from onward_gateway.known import Known
from onward_gateway.policy_engine import Engine
from onward_gateway.policy_routes import StepPolicies
from onward_gateway.presence import Presence
from onward_gateway.prompt_log import PromptLog
from onward_gateway.quota import Quotas
from onward_gateway.settings import Settings
from onward_gateway.startup import Startup
from onward_gateway.store import Store

_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048
_MOST_BYTES_OF_A_MESSAGE = 65_536
_LOOK_AT_STORE = timedelta(seconds=3)
_LOOK_AT_QUEUES = timedelta(seconds=1)
_LOOK_AT_DRAFTS = timedelta(seconds=2)
_LOOK_FOR_BULK = timedelta(seconds=2)


class Server(uvicorn.Server):
    """A server whose signals belong to the process it lives in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone."""
        yield


async def serve(stop: Stop, settings: Settings) -> None:
    """Answers requests until it is asked to stop; then those in flight are finished."""
    async with _gateway(stop, settings) as gateway:
        config = uvicorn.Config(
            create_app(gateway),
            host=settings.host,
            port=settings.port,
            http="httptools",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            ws_max_size=_MOST_BYTES_OF_A_MESSAGE,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )
        server = Server(config)
        serving = asyncio.ensure_future(server.serve())
        asked = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
        gateway.closing.set()
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def _gateway(stop: Stop, settings: Settings) -> AsyncIterator[Gateway]:
    telemetry = start_telemetry("onward-gateway")
    bus = await open_bus(
        settings.nats_url, "gateway", lambda: stop.fail("the connection to NATS is closed for good")
    )
    presence = Presence(time.monotonic)
    store = Store(lambda: _usage(bus), settings.full_at)
    events = PromptLog(bus.events)
    known = Known(bus.config)
    usual = QuotaSpec(name=BACKLOG, waiting=settings.most_waiting_executions)
    quotas = Quotas(
        lambda project, quota: _backlog(bus, known, project, quota),
        lambda project: known.quota(project) or usual,
        time.monotonic,
    )
    startup = Startup(bus)
    load = Load(
        most=settings.most_in_flight, most_parked=settings.most_waiting, most_large=settings.most_large
    )
    relay = Relay(settings.relay_url)
    gateway = Gateway(
        events=events,
        messages=bus.messages,
        objects=bus.objects,
        ticks=bus.ticks,
        known=known,
        presence=presence,
        store=store,
        quotas=quotas,
        relay=relay,
        load=load,
        health=_health(bus, events, store, startup, stop),
        metrics=_metrics(load, store),
        clock=lambda: datetime.now(UTC),
        new_id=new_id,
        tell=partial(audit.tell, bus.connection),
        engine=_engine(settings),
    )
    telemetry.export(gateway.metrics.read)
    await bus.messages.subscribe(subjects.ALL_HEARTBEATS, presence.heard)
    await Inside(gateway).serve()
    await StepPolicies(gateway).serve()
    looking = Loop("store", _LOOK_AT_STORE, store.look, clock=utc_now)
    counting = Loop("quotas", _LOOK_AT_QUEUES, quotas.look, clock=utc_now)
    starting = asyncio.ensure_future(startup.run())
    starting.add_done_callback(lambda done: _give_up(done, stop))
    drafts = DraftKeeper(gateway)
    bus.config.on_change(drafts.hear)
    drafting = Loop("drafts", _LOOK_AT_DRAFTS, drafts.run_once)
    bulk = Loop("bulk", _LOOK_FOR_BULK, BulkRunner(gateway, per_second=settings.bulk_per_second).run_once)
    loops = [looking.run(stop), counting.run(stop), load.watch(), bulk.run(stop), drafting.run(stop)]
    tasks = [*(asyncio.ensure_future(loop) for loop in loops), poked_by(gateway, bulk.poke), starting]
    try:
        yield gateway
        if starting.done():
            starting.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await relay.close()
        await gateway.policing.engine.close()
        await bus.close()
        telemetry.shutdown()


def _give_up(starting: "asyncio.Future[None]", stop: Stop) -> None:
    if not starting.cancelled() and (error := starting.exception()) is not None:
        stop.fail(str(error))


async def _usage(bus: Bus) -> tuple[int, int]:
    state = await streams.state(bus.connection)
    return state.bytes, state.max_bytes


async def _backlog(bus: Bus, known: Known, project: str, quota: QuotaSpec) -> tuple[int, int]:
    """What waits in a project's queues; where all of WORK is below its quota, that is enough to know."""
    work = await streams.state(bus.connection, subjects.WORK)
    below = quota.waiting is None or work.messages < quota.waiting
    if below and (quota.bytes is None or work.bytes < quota.bytes):
        return work.messages, work.bytes
    found = await depths(bus.connection, project, known.queues(project))
    waiting = sum(depth.waiting for depth in found.values())
    return waiting, waiting * work.bytes // max(1, work.messages)


def _engine(settings: Settings) -> Engine:
    return Engine(
        opa=settings.opa_url, opa_fails=settings.opa_fails, opa_seconds=settings.opa_seconds,
        seconds=settings.policy_seconds,
    )  # fmt: skip


def _health(bus: Bus, events: PromptLog, store: Store, startup: Startup, stop: Stop) -> Health:
    health = Health()
    health.add_ready("start", lambda: startup.missing)
    health.add_ready("nats", lambda: None if bus.connection.connected else "not connected to NATS")
    health.add_ready("store", store.trouble)
    health.add_ready("storing", events.silent)
    health.add_ready("draining", lambda: "draining" if stop.requested else None)
    return health


def _metrics(load: Load, store: Store) -> Metrics:
    metrics = Metrics()
    metrics.gauge("onward_http_in_flight", "Requests in flight.").set(lambda: load.in_flight)
    metrics.gauge("onward_http_waiting", "Requests that wait for an end or follow a log.").set(
        lambda: load.parked
    )
    metrics.gauge("onward_loop_lag_seconds", "How late the event loop is.").set(lambda: load.lag)
    metrics.gauge("onward_store_share", "Share of the event store in use.").set(lambda: store.share)
    return metrics


def main() -> None:
    """Reads the settings, then serves."""
    settings = load_or_exit(Settings, "GATEWAY", os.environ)
    run(lambda stop: serve(stop, settings), grace_seconds=settings.drain_seconds + 5)


if __name__ == "__main__":
    main()
