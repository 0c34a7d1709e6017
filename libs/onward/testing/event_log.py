"""EVENTS in memory: the stream, and the EventLog that one process has of it."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import Behind, BrokenLog, FenceLost, StoreFull, Unavailable
from onward.contract.lifecycle import fold
from onward.contract.log import Decision, Log, Stored
from onward.testing.connection import Connection, Unanswered

APPEND_FOR = 5.0
"""Seconds for which an append without an answer is tried again."""

Heard = Callable[[Stored], None]


class EventStream:
    """All logs, each message under its sequence; purged from the front."""

    def __init__(self) -> None:
        self.raws: list[Raw] = []
        self.first, self.last = 1, 0
        self.full = False
        self.refused = 0
        """Appends that came too late: the fence at work."""
        self.listeners: list[Heard] = []
        self.grown = asyncio.Event()
        self._logs: dict[tuple[str, str], list[Stored]] = {}

    def append(self, decision: Decision) -> int:
        """The whole decision or nothing. Raises FenceLost, StoreFull."""
        log = self._logs.setdefault((decision.project, decision.execution_id), [])
        last = log[-1].sequence if log else 0
        if not self._may_append(decision, last):
            self.refused += 1
            raise FenceLost(f"expected {decision.expected}, found {last}", floor=last)
        if self.full:
            raise StoreFull
        stored = [self._store(decision, event) for event in decision.events]
        log += stored
        for item in stored:
            for heard in self.listeners:
                heard(item)
        self.grown.set()
        self.grown = asyncio.Event()
        return self.last

    def _may_append(self, decision: Decision, last: int) -> bool:
        return decision.expected == last

    def _store(self, decision: Decision, event: ev.AnyEvent) -> Stored:
        self.last += 1
        data = ev.encode(event)
        subject = subjects.event(decision.project, decision.execution_id, event.wake)
        self.raws.append(Raw(self.last, subject, data))
        return Stored(self.last, ev.decode(data))

    def read(self, project: str, execution_id: str, after: int, upto: int) -> list[Stored]:
        """What is stored of one log above `after`, seen as of sequence `upto`."""
        log = self._logs.get((project, execution_id), [])
        first = bisect_right(log, after, key=_sequence)
        return log[first : bisect_right(log, upto, lo=first, key=_sequence)]

    def ids(self, project: str) -> list[str]:
        """All executions of a project that have a log, oldest first."""
        return [execution_id for (of, execution_id), log in self._logs.items() if of == project and log]

    def purge(self, upto: int) -> None:
        """Remove everything up to this sequence."""
        self.first = max(self.first, upto + 1)
        self.raws = [raw for raw in self.raws if raw.sequence > upto]
        for log in self._logs.values():
            log[:] = [item for item in log if item.sequence > upto]


def _sequence(stored: Stored) -> int:
    return stored.sequence


class MemoryEventLog:
    """Implements onward.bus.ports.EventLog."""

    def __init__(self, stream: EventStream, connection: Connection) -> None:
        self._stream, self._connection = stream, connection

    async def append(self, decision: Decision) -> int:
        """See EventLog.append. A resent decision is the same one: a refusal then may mean that it had got through."""
        loop = asyncio.get_running_loop()
        deadline, sent_before = loop.time() + APPEND_FOR, False
        while True:
            try:
                return await self._connection.call(lambda: self._stream.append(decision), later=True)
            except Unanswered:
                sent_before = True
            except FenceLost as lost:
                sequence = await self._stored_as(decision, lost.floor) if sent_before else None
                if sequence is None:
                    raise
                return sequence
            if loop.time() > deadline:
                raise Unavailable("no answer from the event store")
            await asyncio.sleep(0.05 * self._connection.random.random())

    async def _stored_as(self, decision: Decision, floor: int) -> int | None:
        while True:
            try:
                since = await self._fetch(decision.project, decision.execution_id, decision.expected, floor)
            except (Behind, Unavailable):
                await asyncio.sleep(0.05)
                continue
            found = {item.event.id: item.sequence for item in since}
            return found.get(decision.events[-1].id)

    async def read(
        self,
        project: str,
        execution_id: str,
        *,
        route: str | None = None,  # noqa: ARG002 - in memory no subject is dearer than another
        floor: int = 0,
    ) -> Log | None:
        """See EventLog.read."""
        stored = await self._fetch(project, execution_id, 0, floor)
        return Log.of(stored) if stored and not _left_of_an_ended(stored) else None

    async def read_on(self, log: Log, *, floor: int = 0) -> Log:
        """See EventLog.read_on."""
        state = log.execution
        since = await self._fetch(
            state.project, state.id, log.sequence, max(floor, log.sequence), log.sequence
        )
        if not since:
            return log
        try:
            after = fold((item.event for item in since), state)
        except BrokenLog:
            whole = await self.read(state.project, state.id, floor=max(floor, log.sequence))
            return log if whole is None else whole
        return Log(stored=log.stored + tuple(since), execution=after, sequence=since[-1].sequence)

    async def scan(self, after: int, most: int) -> list[Raw]:
        """See EventLog.scan."""
        raws = await self._ask(lambda: [raw for raw in self._stream.raws if raw.sequence > after])
        return raws[:most]

    async def bounds(self) -> tuple[int, int]:
        """See LiveEvents.bounds."""
        first, last = await self._ask(lambda: [self._stream.first, self._stream.last])
        return first, last

    async def live(self, after: int) -> AsyncIterator[Raw]:
        """See LiveEvents.live."""
        while True:
            grown = self._stream.grown
            found = await self.scan(after, 500)
            for raw in found:
                after = raw.sequence
                yield raw
            if not found:
                await grown.wait()

    async def _fetch(
        self, project: str, execution_id: str, after: int, floor: int, reached: int = 0
    ) -> list[Stored]:
        upto = self._as_of()
        stored = await self._ask(lambda: self._stream.read(project, execution_id, after, upto))
        reached = stored[-1].sequence if stored else reached
        if reached < floor and floor >= self._stream.first:
            raise Behind(f"execution {execution_id}: read up to {reached}, {floor} was stored")
        return stored

    def _as_of(self) -> int:
        random, last = self._connection.random, self._stream.last
        if random.random() >= self._connection.faults.stale:
            return 2**63
        return max(0, last - random.randrange(8))

    async def _ask(self, question: Callable[[], list[Any]]) -> list[Any]:
        try:
            return await self._connection.call(question)
        except Unanswered:
            raise Unavailable("no answer from the event store") from None


def _left_of_an_ended(stored: Sequence[Stored]) -> bool:
    """Whether a purge took the beginning of a log that has ended: what is left tells nothing."""
    begins = stored[0].event.n == 1 or any(isinstance(item.event, ev.Carried) for item in stored)
    return not begins and isinstance(stored[-1].event, ev.TERMINAL)
