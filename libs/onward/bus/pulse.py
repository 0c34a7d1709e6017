"""What a worker's signs of life need of NATS, and nothing more: small enough for a connection of its own."""

from collections.abc import Callable, Iterable

from onward.bus.connection import Connection, connect
from onward.bus.messages import Messages


async def renew(connection: Connection, ack_subjects: Iterable[str]) -> None:
    """Tell the queue that these hints are still worked on. Raises NotConnected."""
    for ack_subject in ack_subjects:
        connection.send(ack_subject, b"+WPI")


class Pulse:
    """Core messages and renewals on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.messages = Messages(connection)

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """See ports.HintSource.renew. Raises NotConnected."""
        await renew(self.connection, ack_subjects)

    async def close(self) -> None:
        """End it."""
        await self.connection.close()


async def open_pulse(url: str, name: str, on_closed: Callable[[], None], *, within: float = 30.0) -> Pulse:
    """A connected pulse, on the loop that runs here. Raises Misconfigured, Unavailable; see `connect`."""
    return Pulse(await connect(url, name, on_closed=on_closed, within=within))
