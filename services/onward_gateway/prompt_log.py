"""EVENTS with a bound on every answer: a broker that says nothing makes a refusal for now, and no hanging request."""

from collections.abc import Awaitable
from typing import TypeVar

from onward.bus.ports import EventLog, Raw
from onward.contract.errors import Unavailable
from onward.contract.log import Decision, Log
from onward.process.within import Within

T = TypeVar("T")

PROMPT_SECONDS = 1.8


class PromptLog:
    """Keeps the promises of ports.EventLog, or gives up within PROMPT_SECONDS."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._bounds = Within()

    async def append(self, decision: Decision) -> int:
        """See ports.EventLog; what was given up may be stored all the same."""
        return await self._promptly(self._events.append(decision))

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
