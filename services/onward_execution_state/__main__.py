"""The composition root of execution_state: `python -m onward_execution_state [check|migrate|rebuild|verify]`."""

import asyncio
import contextlib
import os
import sys
from typing import NoReturn

from onward.bus.bus import Bus, open_bus
from onward.process.fresh import new_id
from onward.process.health import Health
from onward.process.health_server import serve_health
from onward.process.metrics import Metrics
from onward.process.run import run
from onward.process.settings import load_or_exit
from onward.process.stop import Stop
from onward.telemetry.setup import start_telemetry
from onward_execution_state.admin import VERBS, run_verb
from onward_execution_state.settings import Settings
from onward_execution_state.with_postgres import WithPostgres
from onward_execution_state.without_postgres import WithoutPostgres


async def serve(stop: Stop, settings: Settings) -> None:
    """Follows, projects and answers until it is asked to stop. Raises Misconfigured."""
    instance = f"execution-state-{new_id()[-12:]}"
    async with contextlib.AsyncExitStack() as closing:
        telemetry = start_telemetry("onward-execution-state", instance)
        closing.callback(telemetry.shutdown)
        bus = await open_bus(
            settings.nats_url, instance, lambda: stop.fail("the connection to NATS is closed for good")
        )
        closing.push_async_callback(bus.close)
        metrics, health = Metrics(), Health()
        telemetry.export(metrics.read)
        without = WithoutPostgres(bus, settings, metrics, stop)
        with_it = WithPostgres(bus, settings, metrics, without.workers)
        without.on_event = with_it.poke
        _watch(health, bus, without, stop)
        with_it.watch(health)
        await closing.enter_async_context(serve_health(settings.host, settings.port, health, metrics))
        await with_it.answer()
        await _until_stopped(stop, without, with_it)


async def _until_stopped(stop: Stop, without: WithoutPostgres, with_it: WithPostgres) -> None:
    """Ends with the stop, after the rounds in progress, or with the half that breaks first."""
    asked = asyncio.ensure_future(stop.wait())
    halves = [asyncio.ensure_future(without.run()), asyncio.ensure_future(with_it.run(stop))]
    await asyncio.wait({asked, *halves}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    halves[0].cancel()
    if not stop.requested:
        halves[1].cancel()
    for end in await asyncio.gather(*halves, return_exceptions=True):
        if isinstance(end, BaseExceptionGroup):
            raise end.exceptions[0]
        if isinstance(end, Exception):
            raise end


def _watch(health: Health, bus: Bus, without: WithoutPostgres, stop: Stop) -> None:
    health.add_ready("nats", lambda: None if bus.connection.connected else "not connected to NATS")
    health.add_ready("streams", lambda: without.trouble)
    health.add_ready("queues", lambda: without.queues.trouble)
    health.add_ready("stopping", lambda: "stopping" if stop.requested else None)


def main(argv: list[str]) -> NoReturn:
    """Serves, or runs the verb that is given."""
    settings = load_or_exit(Settings, "STATE", os.environ)
    if not argv:
        run(lambda stop: serve(stop, settings), grace_seconds=15.0)
    if argv[0] not in VERBS or len(argv) > 1:
        sys.stderr.write(f"usage: python -m onward_execution_state [{'|'.join(VERBS)}]\n")
        sys.exit(2)
    sys.exit(run_verb(argv[0], settings))


if __name__ == "__main__":
    main(sys.argv[1:])
