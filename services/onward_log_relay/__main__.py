"""The composition root of log_relay: `python -m onward_log_relay`."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator

from onward.bus import streams
from onward.bus.bus import Bus, open_bus
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.http.load import Load
from onward.process.health import Health
from onward.process.metrics import Metrics
from onward.process.run import run
from onward.process.settings import load_or_exit
from onward.process.stop import Stop
from onward.telemetry.setup import start_telemetry
from onward_log_relay.app import create_app
from onward_log_relay.known import KnownKeys
from onward_log_relay.relay import Relay
from onward_log_relay.server import server
from onward_log_relay.settings import Settings

_PAUSE_SECONDS = 0.2

log = logging.getLogger(__name__)


async def serve(stop: Stop, settings: Settings) -> None:
    """Answers until it is asked to stop; followers are told to come back, the rest is finished."""
    async with _relay(stop, settings) as relay:
        serving = asyncio.ensure_future((http := server(create_app(relay), settings)).listen())
        asked = asyncio.ensure_future(stop.wait())
        await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
        relay.closing.set()
        http.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def _relay(stop: Stop, settings: Settings) -> AsyncIterator[Relay]:
    telemetry = start_telemetry("onward-log-relay")
    bus = await open_bus(
        settings.nats_url, "log_relay", lambda: stop.fail("the connection to NATS is closed for good")
    )
    load = Load(most=settings.most_in_flight, most_parked=settings.most_following)
    relay = Relay(
        events=bus.events,
        lines=bus.lines,
        messages=bus.messages,
        find_key=KnownKeys(bus.config),
        load=load,
        health=_health(bus, stop),
        metrics=_metrics(load),
        settings=settings,
    )
    telemetry.export(relay.metrics.read)
    tasks = [asyncio.ensure_future(load.watch()), asyncio.ensure_future(_start(bus))]
    try:
        yield relay
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await bus.close()
        telemetry.shutdown()


async def _start(bus: Bus) -> None:
    """Wait for the streams and read CONFIG; until then nobody is let in."""
    while True:
        try:
            await streams.state(bus.connection, subjects.CONFIG)  # the last of the streams to be made
            await bus.config.start()
        except Unavailable as error:
            log.info("waiting: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


def _health(bus: Bus, stop: Stop) -> Health:
    health = Health()
    health.add_ready("nats", lambda: None if bus.connection.connected else "not connected to NATS")
    health.add_ready("config", lambda: None if bus.config.ready else "CONFIG is not read yet")
    health.add_ready("draining", lambda: "draining" if stop.requested else None)
    return health


def _metrics(load: Load) -> Metrics:
    metrics = Metrics()
    metrics.gauge("onward_http_in_flight", "Requests in flight.").set(lambda: load.in_flight)
    metrics.gauge("onward_http_waiting", "Requests and sockets that follow.").set(lambda: load.parked)
    metrics.gauge("onward_loop_lag_seconds", "How late the event loop is.").set(lambda: load.lag)
    return metrics


def main() -> None:
    """Reads the settings, then serves."""
    settings = load_or_exit(Settings, "LOG_RELAY", os.environ)
    run(lambda stop: serve(stop, settings), grace_seconds=settings.drain_seconds + 5)


if __name__ == "__main__":
    main()
