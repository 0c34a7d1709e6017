"""Which life of EVENTS we are in, without asking the server each time."""

from collections.abc import Awaitable, Callable

from onward.bus import streams
from onward.bus.connection import Connection
from onward.contract import subjects
from onward_execution_state.store import Source

LOOK_AGAIN_SECONDS = 2.0


class StreamLife:
    """Names EVENTS and its present life; a stream that was made anew is noticed after a moment."""

    def __init__(self, ask: Callable[[], Awaitable[str]], monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._known: Source | None = None
        self._looked_at = 0.0

    async def __call__(self) -> Source:
        """The stream and its life. Raises Unavailable."""
        now = self._monotonic()
        if self._known is None or now - self._looked_at > LOOK_AGAIN_SECONDS:
            self._known = Source(subjects.EVENTS, await self._ask())
            self._looked_at = now
        return self._known


def life_of_events(connection: Connection, monotonic: Callable[[], float]) -> StreamLife:
    """The life of EVENTS as this server has it."""

    async def ask() -> str:
        return (await streams.state(connection)).incarnation

    return StreamLife(ask, monotonic)
