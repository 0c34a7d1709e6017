"""The half of execution_state that needs no Postgres, at work beside a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from onward.bus.bus import Bus
from onward.process.metrics import Metrics
from onward.process.stop import Stop
from onward_execution_state.settings import Settings
from onward_execution_state.without_postgres import WithoutPostgres
from tests.support.nats_server import NatsServer


@contextlib.asynccontextmanager
async def without_postgres(bus: Bus, server: NatsServer) -> AsyncIterator[WithoutPostgres]:
    """Timekeeper, announcer, supervisor and direct hints, for the time of a `with`."""
    settings = Settings(
        nats_url=server.url, nats_sys_url=server.sys_url, database_url="postgresql://127.0.0.1:1/none"
    )
    half = WithoutPostgres(bus, settings, Metrics(), Stop())
    work = asyncio.create_task(half.run())
    async with asyncio.timeout(40):
        await half.ready.wait()
    yield half
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
