"""WORK, as one worker sees it: pulled in batches, the highest class first, never more than asked for."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable

from onward.bus.connection import Connection, NotConnected
from onward.bus.hint_body import consumer_of, hint_of
from onward.bus.lanes import Lane
from onward.bus.names import check_names
from onward.bus.pulse import renew
from onward.bus.wire import NO_RESPONDERS, status_of
from onward.contract import subjects
from onward.contract.decide import Hint
from onward.contract.errors import Unavailable

log = logging.getLogger("onward.bus")

LINGER = 0.005
"""Seconds that a hint which came too late for one `take` waits for the next one."""
TROUBLE_EVERY = 30.0


class Hints:
    """ports.HintSource over NATS."""

    def __init__(self, connection: Connection, project: str, queues: Iterable[str]) -> None:
        self._connection = connection
        ranks = range(len(subjects.CLASSES))
        places = list(enumerate(queues))
        for _, queue in places:
            check_names(project=project, queue=queue)
        self._lanes = [
            Lane(connection, project, queue, rank, place) for rank in ranks for place, queue in places
        ]
        self._queues = len(places)
        self._turn = 0
        self._one_at_a_time = asyncio.Lock()
        self._by_consumer = {lane.consumer.encode(): lane for lane in self._lanes}
        self._inbox = connection.new_inbox()
        self._cut = len(self._inbox) + 1
        self._buffer: list[tuple[int, Hint]] = []
        self._takers = 0
        self._stirred = asyncio.Event()
        self._closed = False
        self._told_at = 0.0
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
                    if self._buffer:
                        return self._pop(most)
                    await self._wait()
                raise Unavailable("this worker takes no more hints")
        finally:
            self._takers -= 1
            self._linger()

    async def _ask(self, most: int) -> None:
        """Fill the buffer from the highest class down, as far as there is anything."""
        self._turn += 1
        for lane in self._in_turn():
            if len(self._buffer) >= most or not self._connection.connected or self._closed:
                return
            if not lane.quiet:
                with contextlib.suppress(NotConnected):
                    await lane.probe(self._inbox, most - len(self._buffer))
                self._report(lane)

    def _in_turn(self) -> list[Lane]:
        """Highest class first; the queues of one class take turns."""
        first = self._turn % self._queues
        return sorted(self._lanes, key=lambda lane: (lane.rank, (lane.place - first) % self._queues))

    async def _wait(self) -> None:
        """Until a hint comes, or something has to be asked again."""
        now = time.monotonic()
        pause = (
            max(0.01, min(lane.ask_at for lane in self._lanes) - now) if self._connection.connected else 1.0
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._stirred.wait()

    def _pop(self, most: int) -> list[Hint]:
        self._buffer.sort(key=lambda ranked: ranked[0])
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        return [hint for _, hint in taken]

    def _arrived(self, subject: bytes, reply: bytes, headers: bytes, data: bytes) -> None:
        if not reply:
            self._told(subject, headers)
            return
        lane = self._by_consumer[consumer_of(reply)]
        lane.delivered()
        ack_subject = reply.decode()
        try:
            hint = hint_of(subject.decode(), ack_subject, headers, data)
        except ValueError as error:
            log.error("an unreadable hint on %s is dropped: %s", subject.decode(), error)  # noqa: TRY400
            self._say(ack_subject, b"+TERM unreadable")
            self._stirred.set()
            return
        self._buffer.append((lane.rank, hint))
        self._stirred.set()
        if not self._takers:
            self._linger()

    def _told(self, subject: bytes, headers: bytes) -> None:
        _, consumer, round_ = subject[self._cut :].split(b".")
        if self._by_consumer[consumer].told(status_of(headers), int(round_), headers):
            self._stirred.set()

    def _linger(self) -> None:
        if self._buffer and not self._takers:
            asyncio.get_running_loop().call_later(LINGER, self._give_excess)

    def _give_excess(self) -> None:
        if self._takers and not self._closed:
            return
        for _, hint in self._buffer:
            self._say(hint.ack_subject, b"-NAK")
        self._buffer.clear()

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

    async def give_back(self, hint: Hint) -> None:
        """See ports.HintSource.give_back."""
        self._say(hint.ack_subject, b"-NAK")

    async def renew(self, ack_subjects: Iterable[str]) -> None:
        """See ports.HintSource.renew. Raises NotConnected."""
        await renew(self._connection, ack_subjects)

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
