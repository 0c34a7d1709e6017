"""Retention over real servers, as tests run it."""

import asyncio
from datetime import UTC, datetime, timedelta

from onward.bus import streams
from onward.contract import subjects
from onward.process.loop import MORE
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.carrying import Carrier
from onward_execution_state.maintenance.retention import Retention, RetentionSettings
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.making import append, until

HORIZON = timedelta(hours=1)
OLD = timedelta(hours=2)


class World:
    """Retention over real servers, with a projector that works beside it."""

    def __init__(self, bus, database, projector, source):
        self.bus, self.database, self.projector, self.source = bus, database, projector, source
        self.leader = Leader(database, "retention")
        self.now = datetime.now(UTC)

    def retention(self, *, step=5000, at_once=100, followers=()):
        return Retention(
            RetentionSettings(horizon=HORIZON, step=step, followers=followers),
            leader=self.leader, connection=self.bus.connection, events=self.bus.events,
            carrier=Carrier(self.bus.events, lambda: "carried", at_once=at_once), source=self.source,
            metrics=Metrics(),
        )  # fmt: skip

    async def stored(self, *walks_):
        for walk in walks_:
            await append(self.bus, walk)
        await until_projected(self.projector)

    async def fed(self):
        """Waits until WORK has taken what there is: it is one of those who need the events."""

        async def without_lag():
            source = (await streams.work_source_lag(self.bus.connection)).get(subjects.EVENTS)
            return source is not None and source.lag == 0

        await until(without_lag)

    async def purge(self, retention=None):
        """Runs rounds while the projection goes on beside them; the last result."""
        await self.fed()
        retention = retention or self.retention()
        projecting = asyncio.create_task(self._project())
        try:
            async with asyncio.timeout(30):
                while (result := await retention.run_once(self.now)) is MORE:
                    pass
            return result
        finally:
            projecting.cancel()
            await asyncio.gather(projecting, return_exceptions=True)
            await until_projected(self.projector)

    async def _project(self, pause=0.002):
        while True:
            await self.projector.run_once(self.now)
            await asyncio.sleep(pause)

    async def stream(self):
        return await streams.state(self.bus.connection)
