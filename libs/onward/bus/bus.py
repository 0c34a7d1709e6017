"""Everything that one process does over NATS, on one connection."""

from collections.abc import Callable, Iterable, Mapping

from onward.bus.append import Events
from onward.bus.config import Mirror
from onward.bus.connection import Connection, connect
from onward.bus.hints import Hints
from onward.bus.lines import LogLines
from onward.bus.messages import Messages
from onward.bus.objects import LargeValues
from onward.bus.ticks import Ticks


class Bus:
    """The ports of this process. `config` is empty until `await bus.config.start()`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events = Events(connection)
        self.messages = Messages(connection)
        self.lines = LogLines(connection)
        self.objects = LargeValues(connection)
        self.config = Mirror(connection)
        self.ticks = Ticks(connection)

    def hints(self, project: str, queues: Iterable[str], weights: Mapping[str, float] | None = None) -> Hints:
        """WORK, as a worker of these queues sees it."""
        return Hints(self.connection, project, queues, weights)

    async def close(self) -> None:
        """End it; what is on its way is given up as unknown."""
        await self.config.close()
        self.events.close()
        await self.connection.close()


async def open_bus(url: str, name: str, on_closed: Callable[[], None], *, within: float = 30.0) -> Bus:
    """A connected bus. Raises Misconfigured, Unavailable; see `connect`."""
    return Bus(await connect(url, name, on_closed=on_closed, within=within))
