"""WORK, as one worker sees it: pulled in batches, each class and queue by its weight, never more than asked for."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping

from onward.bus.connection import Connection, NotConnected
from onward.bus.hint_body import consumer_of, hint_of, stored_at
from onward.bus.lanes import Lane
from onward.bus.names import check_names
from onward.bus.pulse import renew
from onward.bus.wire import NO_RESPONDERS, status_of
from onward.contract import subjects
from onward.contract.decide import Hint
from onward.contract.errors import Unavailable
from onward.contract.turns import CLASS_WEIGHTS, Turns

log = logging.getLogger("onward.bus")

LINGER = 0.005
"""Seconds that a hint which came too late for one `take` waits for the next one."""
TROUBLE_EVERY = 30.0


class Hints:
    """ports.HintSource over NATS."""

    def __init__(
        self,
        connection: Connection,
        project: str,
        queues: Iterable[str],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._connection = connection
        queues, weights = list(queues), weights or {}
        for queue in queues:
            check_names(project=project, queue=queue)
        lanes = [(rank, queue) for rank in range(len(subjects.CLASSES)) for queue in queues]
        self._lanes = [
            Lane(connection, project, queue, rank, place) for place, (rank, queue) in enumerate(lanes)
        ]
        self._turns = Turns([CLASS_WEIGHTS[rank] * weights.get(queue, 1.0) for rank, queue in lanes])
        self._one_at_a_time = asyncio.Lock()
        self._by_consumer = {lane.consumer.encode(): lane for lane in self._lanes}
        self._inbox = connection.new_inbox()
        self._cut = len(self._inbox) + 1
        self._buffers: tuple[deque[Hint], ...] = tuple(deque() for _ in lanes)
        self._buffered = 0
        self._roused = False
        self._takers = 0
        self._stirred = asyncio.Event()
        self._closed = False
        self._told_at = 0.0
        self._held_back: frozenset[str] = frozenset()
        self._sid = connection.listen(f"{self._inbox}.>", self._arrived)
        connection.watchers.append(self._watch)

    async def take(self, most: int) -> list[Hint]:
        """See ports.HintSource.take."""
        self._takers += 1
        try:
            async with self._one_at_a_time:
                while not self._closed:
                    self._stirred.clear()
                    await self._ask(most)
                    if self._buffered or self._roused:
                        self._roused = False
                        return self._pop(most)
                    await self._wait()
                raise Unavailable("this worker takes no more hints")
        finally:
            self._takers -= 1
            self._linger()

    async def _ask(self, most: int) -> None:
        """Fill the buffers, each lane by its share, until there is enough or nothing is left to be asked."""
        while self._buffered < most and self._connection.connected and not self._closed and not self._roused:
            places = [lane.place for lane in self._open() if not lane.quiet]
            if not places:
                return
            shares = self._turns.shares(most - self._buffered, places)
            asking = [self._probe(self._lanes[place], share) for place, share in shares.items()]
            try:
                await (asking[0] if len(asking) == 1 else asyncio.gather(*asking))
            except NotConnected:
                return

    def hold_back(self, queues: frozenset[str]) -> None:
        """See ports.HintSource.hold_back."""
        self._held_back = queues
        for lane in self._lanes:
            if lane.queue in queues:
                self._give_up(self._buffers[lane.place])
        self._stirred.set()

    def _open(self) -> list[Lane]:
        return [lane for lane in self._lanes if lane.queue not in self._held_back]

    async def _probe(self, lane: Lane, most: int) -> None:
        await lane.probe(self._inbox, most)
        self._report(lane)

    async def _wait(self) -> None:
        """Until a hint comes, or something has to be asked again."""
        now = time.monotonic()
        ask_at = min((lane.ask_at for lane in self._open()), default=now + 1.0)
        pause = max(0.01, ask_at - now) if self._connection.connected else 1.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._stirred.wait()

    def _pop(self, most: int) -> list[Hint]:
        taken: list[Hint] = []
        now = time.time()
        waiting = [place for place, buffer in enumerate(self._buffers) if buffer]
        while waiting and len(taken) < most:
            place = self._turns.first(waiting)
            hint = self._buffers[place].popleft()
            self._turns.took(place, now - stored_at(hint.ack_subject))
            if not self._buffers[place]:
                waiting.remove(place)
            taken.append(hint)
        self._buffered -= len(taken)
        return taken

    def _arrived(self, subject: bytes, reply: bytes, headers: bytes, data: bytes) -> None:
        if not reply:
            self._told(subject, headers)
            return
        lane = self._by_consumer[consumer_of(reply)]
        lane.delivered()
        ack_subject = reply.decode()
        if lane.queue in self._held_back:
            self._say(ack_subject, b"-NAK")
            return
        try:
            hint = hint_of(subject.decode(), ack_subject, headers, data)
        except ValueError as error:
            log.error("an unreadable hint on %s is dropped: %s", subject.decode(), error)  # noqa: TRY400
            self._say(ack_subject, b"+TERM unreadable")
            self._stirred.set()
            return
        self._buffers[lane.place].append(hint)
        self._buffered += 1
        self._stirred.set()
        if not self._takers:
            self._linger()

    def _told(self, subject: bytes, headers: bytes) -> None:
        _, consumer, round_ = subject[self._cut :].split(b".")
        if self._by_consumer[consumer].told(status_of(headers), int(round_), headers):
            self._stirred.set()

    def _linger(self) -> None:
        if self._buffered and not self._takers:
            asyncio.get_running_loop().call_later(LINGER, self._give_excess)

    def _give_excess(self) -> None:
        if self._takers and not self._closed:
            return
        for buffer in self._buffers:
            self._give_up(buffer)

    def _give_up(self, buffer: deque[Hint]) -> None:
        for hint in buffer:
            self._say(hint.ack_subject, b"-NAK")
        self._buffered -= len(buffer)
        buffer.clear()

    def _watch(self, connected: bool) -> None:  # noqa: FBT001 - as the connection tells it
        if not connected:
            for lane in self._lanes:
                lane.lost()
        self._stirred.set()

    def _report(self, lane: Lane) -> None:
        if lane.trouble and time.monotonic() > self._told_at + TROUBLE_EVERY:
            self._told_at = time.monotonic()
            log.warning("consumer %s gives no hints: %s", lane.consumer, lane.trouble)
        lane.trouble = ""

    # About hints that were taken
    async def ack(self, hint: Hint) -> None:
        """See ports.HintSource.ack."""
        reply = await self._connection.request(hint.ack_subject, b"+ACK")
        if reply.status == NO_RESPONDERS:
            raise Unavailable(
                "WORK does not answer: its consumer is gone, or has no leader yet", retry_after=1
            )

    async def give_back(self, hint: Hint, *, after: float = 0.0) -> None:
        """See ports.HintSource.give_back."""
        self._say(hint.ack_subject, b'-NAK {"delay": %d}' % (after * 1e9) if after else b"-NAK")

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """See ports.HintSource.renew. Raises NotConnected."""
        await renew(self._connection, ack_subjects)

    def rouse(self) -> None:
        """See ports.HintSource.rouse."""
        self._roused = self._takers > 0
        self._stirred.set()

    async def close(self) -> None:
        """See ports.HintSource.close."""
        self._closed = True
        self._stirred.set()
        self._give_excess()
        for lane in self._lanes:
            lane.end_probe()
        await self._connection.stop(self._sid)
        self._give_excess()
        if self._watch in self._connection.watchers:
            self._connection.watchers.remove(self._watch)

    def _say(self, ack_subject: str, verb: bytes) -> None:
        with contextlib.suppress(NotConnected):
            self._connection.send(ack_subject, verb)
