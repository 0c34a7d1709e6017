"""What must be true before the gateway is of use: streams as they must be, all of CONFIG, a fence that holds."""

import asyncio
import logging

from onward.bus import streams, topology
from onward.bus.bus import Bus
from onward.bus.prove import prove
from onward.bus.verify import verify
from onward.contract.errors import Unavailable

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2


class Startup:
    """The way to readiness; it waits for neighbours, and gives up only on what waiting does not mend."""

    def __init__(self, bus: Bus) -> None:
        self.missing: str | None = "starting"
        self._bus = bus

    async def run(self) -> None:
        """Returns once all is well. Raises Misconfigured."""
        while self.missing is not None:
            try:
                await self._try()
                self.missing = None
            except Unavailable as error:
                if self.missing != str(error):
                    log.info("waiting: %s", error)
                self.missing = str(error)
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _try(self) -> None:
        # Each of them: while an older execution_state is being replaced, the newest is not there yet.
        for name in topology.streams():
            await streams.state(self._bus.connection, name)
        if not self._bus.config.ready:
            await self._bus.config.start()
        for warning in await verify(self._bus.connection):
            log.warning("%s", warning)
        await prove(self._bus.connection)
