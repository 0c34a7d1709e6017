"""What the routes of the gateway share; made once, in the composition root."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from onward.bus.ports import EventLog, Messages, Objects, Ticks
from onward.bus.values import Values
from onward.contract.audit import Refusal
from onward.http.auth import KeyRing
from onward.http.load import Load
from onward.http.query import read_query
from onward.process.health import Health
from onward.process.metrics import Metrics
from onward_gateway.apart import Apart
from onward_gateway.echoes import Echoes
from onward_gateway.finder import Finder
from onward_gateway.forward import Relay
from onward_gateway.known import Known
from onward_gateway.policing import Policing
from onward_gateway.policy_engine import Engine
from onward_gateway.presence import Presence
from onward_gateway.quota import Quotas
from onward_gateway.refusals import Refusals, Tell
from onward_gateway.routes import Door, NoQuery
from onward_gateway.state import State
from onward_gateway.store import Store
from onward_gateway.teams import Teams
from onward_gateway.webhook_calls import WebhookCalls

log = logging.getLogger(__name__)


def _nobody(_refusal: Refusal) -> None:
    return


class Gateway:
    """The parts behind the routes."""

    def __init__(
        self,
        *,
        events: EventLog,
        messages: Messages,
        objects: Objects,
        ticks: Ticks,
        known: Known,
        presence: Presence,
        store: Store,
        quotas: Quotas,
        relay: Relay,
        load: Load,
        health: Health,
        metrics: Metrics,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        tell: Tell = _nobody,
        engine: Engine | None = None,
    ) -> None:
        self.events = events
        self.messages = messages
        self.objects = objects
        self.ticks = ticks
        self.values = Values(objects)
        self.apart = Apart()
        self.known = known
        self.presence = presence
        self.store = store
        self.quotas = quotas
        self.relay = relay
        self.load = load
        self.health = health
        self.metrics = metrics
        self.clock = clock
        self.new_id = new_id
        self.policing = Policing(known, engine or Engine())
        self.keys = KeyRing(known.key, clock)
        self.webhook_calls = WebhookCalls()
        self.refusals = Refusals(tell, clock, time.monotonic)
        self.state = State(messages)
        self.teams = Teams(presence, self.state.agent_loads, self.later)
        self.finder = Finder(events, self.state, clock)
        self.closing = asyncio.Event()
        """Set when the process is asked to end: who waits gets what there is."""
        self.bulk_begun = asyncio.Event()
        """Set when there is an operation on many executions to carry out."""
        self.openapi = b"{}"
        self._later: set[asyncio.Future[Any]] = set()
        self.echoes = Echoes(messages, self.later, self.closing)

    def later(self, work: Awaitable[Any]) -> None:
        """Does something that no answer waits for."""
        task = asyncio.ensure_future(work)
        self._later.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[Any]") -> None:
        self._later.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("something that nobody waited for failed: %s", error)

    @staticmethod
    def no_query(text: bytes) -> None:
        """Raises InvalidParameter for any parameter at all."""
        read_query(text, NoQuery)


def gateway_of(request: Door) -> Gateway:
    """The gateway that a request came to."""
    gateway: Any = request.app.state["gateway"]
    assert isinstance(gateway, Gateway)  # noqa: S101 - for the type checker
    return gateway
