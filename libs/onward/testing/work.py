"""WORK in memory: hints with leases, as lenient to late acks as the real server; and one worker's view of it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from random import Random

import msgspec

from onward.contract import subjects
from onward.contract.decide import Hint
from onward.contract.errors import Unavailable
from onward.contract.events import Submitted
from onward.contract.turns import CLASS_WEIGHTS, Turns
from onward.testing.connection import Connection, Unanswered


class Message(msgspec.Struct, kw_only=True):
    """A stored hint. `lease` runs while somebody holds it; it says nothing about who."""

    sequence: int
    project: str
    route: str
    execution_id: str
    n: int
    floor: int
    fired: int | None = None
    submitted: Submitted | None = None
    deliveries: int = 0
    lease: asyncio.TimerHandle | None = None


class WorkQueue:
    """All hints that nobody has acked."""

    def __init__(self, ack_wait: float, random: Random) -> None:
        self.ack_wait, self._random = ack_wait, random
        self.messages: dict[int, Message] = {}
        self.last = 0
        self.deliveries = 0
        self._free: dict[str, deque[int]] = {}
        self.offers = 0
        """How often something became free to take."""
        self._waiting: list[asyncio.Future[None]] = []

    def put(
        self,
        project: str,
        route: str,
        execution_id: str,
        *,
        n: int,
        floor: int,
        fired: int | None = None,
        submitted: Submitted | None = None,
    ) -> int:
        """Store a hint; its sequence."""
        self.last += 1
        message = Message(
            sequence=self.last, project=project, route=route, execution_id=execution_id, n=n, floor=floor,
            fired=fired, submitted=submitted,
        )  # fmt: skip
        self.messages[self.last] = message
        self._offer(message, again=False)
        return self.last

    def waiting(self, name: str) -> bool:
        """Whether something may wait that fits a filter."""
        return bool(self._free.get(name))

    def take(self, name: str, redelivery: float = 0.0) -> Hint | None:
        """Lease the oldest hint that fits a filter."""
        free = self._free.get(name, deque())
        while free:
            message = self.messages.get(free.popleft())
            if message is not None and message.lease is None:
                return self._lease(message, redelivery)
        return None

    def _lease(self, message: Message, redelivery: float) -> Hint:
        loop = asyncio.get_running_loop()
        message.deliveries += 1
        self.deliveries += 1
        message.lease = loop.call_later(self.ack_wait, self.expire, message.sequence)
        if self._random.random() < redelivery:
            loop.call_later(self.ack_wait * self._random.random(), self.expire, message.sequence)
        return Hint(
            project=message.project, execution_id=message.execution_id, route=message.route,
            work_sequence=message.sequence, ack_subject=f"ack.{message.deliveries}.{message.sequence}",
            n=message.n, floor=message.floor, fired=message.fired, submitted=message.submitted,
        )  # fmt: skip

    def ack(self, ack_subject: str) -> None:
        """Remove the hint, whoever holds it by now: the server looks at its sequence only."""
        message = self.messages.pop(_sequence(ack_subject), None)
        if message is not None and message.lease is not None:
            message.lease.cancel()

    def expire(self, sequence: int) -> None:
        """End a lease: the hint is for anybody again."""
        message = self.messages.get(sequence)
        if message is not None and message.lease is not None:
            message.lease.cancel()
            message.lease = None
            self._offer(message, again=True)

    def nak(self, ack_subject: str, after: float = 0.0) -> None:
        """Give a hint back, whoever holds it by now, for anybody `after` so many seconds."""
        sequence = _sequence(ack_subject)
        message = self.messages.get(sequence)
        if after and message is not None and message.lease is not None:
            message.lease.cancel()
            message.lease = asyncio.get_running_loop().call_later(after, self.expire, sequence)
        else:
            self.expire(sequence)

    def progress(self, ack_subject: str) -> None:
        """Let the lease begin anew, whoever holds it by now."""
        message = self.messages.get(_sequence(ack_subject))
        if message is not None and message.lease is not None:
            message.lease.cancel()
            loop = asyncio.get_running_loop()
            message.lease = loop.call_later(self.ack_wait, self.expire, message.sequence)

    def restart(self) -> None:
        """Forget all leases, as a server does that was killed: what is held comes again."""
        for sequence in list(self.messages):
            self.expire(sequence)

    def _offer(self, message: Message, *, again: bool) -> None:
        queue, cls = message.route.split(".")
        free = self._free.setdefault(subjects.hints(message.project, queue, cls), deque())
        (free.appendleft if again else free.append)(message.sequence)
        self.offers += 1
        self.stir()

    def stir(self) -> None:
        """Let everybody look again who waits for an offer."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def offered(self, since: int) -> None:
        """Return when there may be more to take than there was after so many offers."""
        if self.offers > since:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        finally:
            self._waiting.remove(waiting)


def _sequence(ack_subject: str) -> int:
    return int(ack_subject.rsplit(".", 1)[-1])


class MemoryHints:
    """Implements onward.bus.ports.HintSource for some queues of one project."""

    def __init__(
        self, work: WorkQueue, connection: Connection, project: str, queues: Iterable[str], *,
        classes: Sequence[str] = subjects.CLASSES,
    ) -> None:  # fmt: skip
        self._work, self._connection = work, connection
        lanes = [(rank, q, cls) for rank, cls in enumerate(classes) for q in queues]
        self._filters = [subjects.hints(project, q, cls) for _, q, cls in lanes]
        self._queues = [queue for _, queue, _ in lanes]
        self._held_back: frozenset[str] = frozenset()
        self._turns = Turns([CLASS_WEIGHTS[rank] for rank, _, _ in lanes])
        self._taking = self._roused = False
        self._buffer: list[Hint] = []
        self._closed = False
        self._seen = 0

    async def take(self, most: int) -> list[Hint]:
        """See HintSource.take."""
        self._taking = True
        try:
            return await self._take(most)
        finally:
            self._taking = self._roused = False

    async def _take(self, most: int) -> list[Hint]:
        while not self._buffer:
            if self._closed:
                raise Unavailable("this source of hints is closed")
            try:
                await self._connection.call(lambda: self._fill(most))
            except Unanswered:
                # What was handed out is on nobody's table: it comes again when its lease is over.
                self._buffer.clear()
                continue
            if not self._buffer and not self._roused:
                await self._work.offered(self._seen)
            if self._roused:
                break
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        return taken

    def _fill(self, most: int) -> None:
        self._seen = self._work.offers
        if not self._closed:
            redelivery = self._connection.faults.redelivery
            left = [
                place
                for place, name in enumerate(self._filters)
                if self._queues[place] not in self._held_back and self._work.waiting(name)
            ]
            while left and len(self._buffer) < most:
                place = self._turns.first(left)
                taken = self._work.take(self._filters[place], redelivery)
                if taken is None:
                    left.remove(place)
                else:
                    self._turns.took(place)
                    self._buffer.append(taken)

    def hold_back(self, queues: frozenset[str]) -> None:
        """See HintSource.hold_back."""
        self._held_back = queues
        self._work.stir()

    def rouse(self) -> None:
        """See HintSource.rouse."""
        self._roused = self._taking
        self._work.stir()

    async def ack(self, hint: Hint) -> None:
        """See HintSource.ack."""
        try:
            await self._connection.call(lambda: self._work.ack(hint.ack_subject), later=True)
        except Unanswered:
            raise Unavailable("no answer to an ack") from None

    async def give_back(self, hint: Hint, *, after: float = 0.0) -> None:
        """See HintSource.give_back."""
        await self._tell(lambda: self._work.nak(hint.ack_subject, after))

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """See HintSource.renew."""
        held = list(ack_subjects)

        def progress() -> None:
            for ack_subject in held:
                self._work.progress(ack_subject)

        await self._tell(progress)

    async def close(self) -> None:
        """See HintSource.close."""
        self._closed = True
        left, self._buffer = self._buffer, []
        for hint in left:
            await self.give_back(hint)

    async def _tell(self, act: Callable[[], None]) -> None:
        with contextlib.suppress(Unanswered):
            await self._connection.call(act, later=True)
