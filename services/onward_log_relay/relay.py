"""What the routes of the relay share; made once, in the composition root."""

import asyncio
from typing import Any

from onward.bus.ports import Lines, LiveEvents, Messages
from onward.contract.errors import Unavailable
from onward.contract.execution import Execution
from onward.http.auth import FindKey, KeyRing
from onward.http.load import Load
from onward.process.health import Health
from onward.process.metrics import Metrics
from onward_log_relay.board import BoardSnapshots
from onward_log_relay.fan_out import Watches
from onward_log_relay.feed import Feed
from onward_log_relay.history import READS_AT_ONCE, History
from onward_log_relay.settings import Settings
from onward_log_relay.states import States


class Relay:
    """The parts behind the routes."""

    def __init__(
        self,
        *,
        events: LiveEvents,
        lines: Lines,
        messages: Messages,
        find_key: FindKey,
        load: Load,
        health: Health,
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self.lines = lines
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self.keys = KeyRing(find_key)
        self.load = load
        self.health = health
        self.metrics = metrics
        self.settings = settings
        self.states = States(events, messages)
        self.watches = Watches(lines, messages, self.states)
        self.feed = Feed(events)
        self.board = BoardSnapshots(messages)
        self.closing = asyncio.Event()
        """Set when the process is asked to end: who follows is told to come back."""
        self.sent = metrics.counter("onward_relay_lines_total", "Lines sent to clients.", ("via",))
        self.slow = metrics.counter("onward_relay_slow_clients_total", "Clients cut off.", ("via",))
        metrics.gauge("onward_relay_watched", "Executions with an upstream.").set(lambda: len(self.watches))
        self.events_sent = metrics.counter("onward_relay_events_total", "Events sent to clients.", ("via",))
        metrics.gauge("onward_relay_feed_watchers", "Clients of the event stream and the board.").set(
            lambda: self.feed.watchers
        )
        metrics.gauge("onward_relay_watchers", "Clients of those.").set(lambda: self.watches.watchers)

    def history(self, project: str, execution_id: str) -> History:
        """The stored log of one execution."""
        return History(self.lines, project, execution_id, self._reads)

    async def execution(self, project: str, execution_id: str) -> Execution | None:
        """Its state; None where nobody can tell just now but there is a log. Raises NotFound, Unavailable."""
        try:
            return (await self.states.find(project, execution_id)).execution
        except Unavailable:
            if await self.history(project, execution_id).newest() is None:
                raise
            return None


def relay_of(scope: Any) -> Relay:
    """The relay that a request came to."""
    relay: Any = scope["litestar_app"].state["relay"]
    assert isinstance(relay, Relay)  # noqa: S101 - for the type checker
    return relay
