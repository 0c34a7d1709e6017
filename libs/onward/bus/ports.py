"""What the rest of Onward asks of the log, the work queue and the core messages, and nothing more.

`onward.bus` keeps these promises on NATS, `onward.testing` in memory; one conformance suite holds both to them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from onward.contract.decide import Hint
from onward.contract.limits import KeyState
from onward.contract.log import Decision, Log
from onward.contract.schedules import ScheduleState


class Raw(msgspec.Struct, frozen=True):
    """One stored message of any stream."""

    sequence: int
    subject: str
    data: bytes
    headers: bytes = b""
    """Only where who follows may need them."""


class EventLog(Protocol):
    """EVENTS: one fenced log per execution."""

    async def append(self, decision: Decision) -> int:
        """Store the whole decision or nothing; the stream sequence of its last event.

        A lost connection or time-out is resolved in here (PROTOCOL A5), for up to 5 s. Raises FenceLost (its `floor` is
        a sequence that the next read must reach), StoreFull, Unavailable (outcome unknown to the end: nobody may assume
        either).
        """
        ...

    async def read(
        self, project: str, execution_id: str, *, route: str | None = None, floor: int = 0
    ) -> Log | None:
        """The whole log, or None where EVENTS holds none of it, or only what a purge left of an ended one.

        `route` is one wake route it is known to use: without one, and without events on `.e`, the read needs a
        (slower) wildcard. Raises Behind where the stored events do not reach `floor`, BrokenLog for a hole.
        """
        ...

    async def read_on(self, log: Log, *, floor: int = 0) -> Log:
        """`log` with whatever was appended since. Raises Behind where that does not reach `floor`."""
        ...

    async def scan(self, after: int, most: int) -> list[Raw]:
        """Up to `most` stored events of all executions above sequence `after`, in order; empty at the end."""
        ...


class LiveEvents(EventLog, Protocol):
    """EVENTS as a whole, for who follows all of it without a consumer."""

    async def bounds(self) -> tuple[int, int]:
        """The sequences of the first and the last stored event; where there is none, the first is above the last."""
        ...

    def live(self, after: int) -> AsyncIterator[Raw]:
        """Events of all executions above `after`, then new ones for ever: gap-free, in order, each once."""
        ...


class GateSource(Protocol):
    """The hints of those who wait for their limits; as HintSource, for who keeps each until it is dealt with."""

    async def take(self, most: int) -> list[Hint]:
        """See HintSource."""
        ...

    async def ack(self, hint: Hint) -> None:
        """See HintSource; one that is lost brings a hint that finds nothing to do."""
        ...

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """See HintSource."""
        ...


class LimitLog(Protocol):
    """LIMITS: the state of each key, fenced; only the last one is kept."""

    async def read(self, project: str, key: str) -> tuple[KeyState, int]:
        """The newest state and its sequence; an empty one and 0 where there is none. Raises Unavailable."""
        ...

    async def all(self) -> list[KeyState]:
        """Every key of every project that anybody holds, or that counts a rate. Raises Unavailable."""
        ...

    async def append(self, state: KeyState, expected: int, now: datetime) -> int:
        """Store it after the one with sequence `expected`; its sequence. Raises FenceLost, StoreFull, Unavailable.

        One that is empty at `now` may be forgotten soon.
        """
        ...


class HintSource(Protocol):
    """WORK, as one worker sees it: the queues it was made for, each class and queue by its weight."""

    async def take(self, most: int) -> list[Hint]:
        """At least one hint and at most `most`; waits until there is one, or until it is roused: then none may come.

        Unreadable ones never come out of here.
        """
        ...

    def hold_back(self, queues: frozenset[str]) -> None:
        """Take nothing from these queues, and from all others again; what came too late goes back."""
        ...

    def rouse(self) -> None:
        """Let who waits in `take` look around: it gets what there is, or nothing."""
        ...

    async def ack(self, hint: Hint) -> None:
        """Remove it for good and wait until that is stored (ack_sync). Raises Unavailable."""
        ...

    async def give_back(self, hint: Hint, *, after: float = 0.0) -> None:
        """Let somebody take it, now or `after` so many seconds."""
        ...

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """Tell the queue that these are still worked on."""
        ...

    async def close(self) -> None:
        """Stop taking; what is buffered goes back."""
        ...


class Lines(Protocol):
    """LOGS: chunks of numbered log lines, fenced per execution."""

    async def append(self, project: str, execution_id: str, chunk: bytes, expected: int) -> int:
        """Store a chunk after the one with sequence `expected` (0: the first); its sequence. Raises FenceLost."""
        ...

    async def last(self, project: str, execution_id: str) -> Raw | None:
        """The newest chunk."""
        ...

    async def read(self, project: str, execution_id: str, *, after: int = 0, most: int = 256) -> list[Raw]:
        """Chunks above stream sequence `after`, oldest first; empty at the end."""
        ...

    def follow(self, project: str, execution_id: str, *, after: int = 0) -> AsyncIterator[Raw]:
        """Chunks above `after`, then new ones for ever: gap-free, in order, each once."""
        ...


class Ticks(Protocol):
    """TICKS: where each schedule is, fenced per schedule."""

    async def last(self, project: str, name: str) -> tuple[ScheduleState | None, int]:
        """Where a schedule is, and the sequence of the message that says so; (None, 0) for one never looked at."""
        ...

    async def put(self, project: str, name: str, state: ScheduleState, expected: int) -> int:
        """Store what follows the message with sequence `expected`; its sequence. Raises FenceLost, Unavailable."""
        ...

    async def after(self, sequence: int, most: int = 500) -> list[Raw]:
        """What was stored of all schedules above `sequence`, in order; empty at the end."""
        ...

    async def end(self) -> int:
        """The sequence of the newest message of all. Raises Unavailable."""
        ...

    async def incarnation(self) -> str:
        """What changes when the stream is made anew. Raises Unavailable."""
        ...


class Objects(Protocol):
    """Large values, whole, by a name that ends in the SHA-256 of their bytes (subjects.object_name)."""

    async def put(self, name: str, data: bytes | memoryview) -> None:
        """Store it; a second time changes nothing. Raises StoreFull, Unavailable."""
        ...

    def read(self, name: str, size: int) -> AsyncIterator[bytes]:
        """Its bytes in parts; the last part comes only when size and digest of the whole are right.

        Raises ValueLost where it is missing or not what its name says, Unavailable.
        """
        ...

    async def size(self, name: str) -> int | None:
        """How many bytes it has; None where it is not there. Raises Unavailable."""
        ...

    async def delete(self, name: str) -> None:
        """Remove it; what is not there stays so. Raises Unavailable."""
        ...


class Messages(Protocol):
    """Core messages: nothing is stored, nobody need listen."""

    async def publish(self, subject: str, data: bytes) -> None:
        """Send to whoever listens."""
        ...

    async def subscribe(
        self,
        subject: str,
        handle: Callable[[str, bytes], Awaitable[bytes | None]],
        *,
        group: str | None = None,
    ) -> Callable[[], Awaitable[None]]:
        """Call `handle(subject, data)` for each message; bytes it returns are the reply. Returns the unsubscribe."""
        ...

    async def ask(self, subject: str, data: bytes, *, timeout: float) -> bytes | None:
        """The first reply, or None: nobody listens, or nobody answered in `timeout` seconds.

        Raises Unavailable where our own connection is down: that says nothing about who was asked.
        """
        ...


class Follower(Protocol):
    """What acts on events: idempotent, called with batches in stream order per shard, acked after it returns."""

    async def __call__(self, batch: Sequence[Raw]) -> Awaitable[None] | None:
        """Act on these; an exception brings them again. What it returns is finished before they are acked."""
        ...
