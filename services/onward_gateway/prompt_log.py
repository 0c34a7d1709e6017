"""EVENTS with a bound on every answer: a broker that says nothing makes a refusal for now, and no hanging request."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from onward.bus.ports import EventLog, Raw
from onward.contract.errors import Unavailable
from onward.contract.log import Decision, Log
from onward.process.within import Within

T = TypeVar("T")

PROMPT_SECONDS = 1.8
SILENT_SECONDS = 5.0


class PromptLog:
    """Keeps the promises of ports.EventLog, or gives up within PROMPT_SECONDS."""

    def __init__(self, events: EventLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._events = events
        self._bounds = Within()
        self._clock = clock
        self._given_up: float | None = None

    def silent(self) -> str | None:
        """Why nothing may be stored now, or None. A reason passes: who gets no more requests would never find out."""
        if self._given_up is None or self._clock() - self._given_up > SILENT_SECONDS:
            return None
        return "the event store did not store the last event in time: look at its log and its disk"

    async def append(self, decision: Decision) -> int:
        """See ports.EventLog; what was given up may be stored all the same."""
        try:
            sequence = await self._promptly(self._events.append(decision))
        except Unavailable:
            self._given_up = self._clock()
            raise
        self._given_up = None
        return sequence

    async def read(
        self, project: str, execution_id: str, *, route: str | None = None, floor: int = 0
    ) -> Log | None:
        """See ports.EventLog."""
        return await self._promptly(self._events.read(project, execution_id, route=route, floor=floor))

    async def read_on(self, log: Log, *, floor: int = 0) -> Log:
        """See ports.EventLog."""
        return await self._promptly(self._events.read_on(log, floor=floor))

    async def scan(self, after: int, most: int) -> list[Raw]:
        """See ports.EventLog."""
        return await self._promptly(self._events.scan(after, most))

    async def _promptly(self, answer: Awaitable[T]) -> T:
        try:
            with self._bounds.within(PROMPT_SECONDS):
                return await answer
        except TimeoutError:
            raise Unavailable(
                "the event store does not answer in time",
                fix="try again; a submission with an idempotency key is never doubled by that",
                retry_after=1,
            ) from None
