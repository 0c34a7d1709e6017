"""Following EVENTS: a durable consumer that hands batches to a handler and acks them once it returns."""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from onward.bus.api import NOT_FOUND_CONSUMER, Refused, call
from onward.bus.connection import Connection, NotConnected
from onward.bus.ports import Follower, Raw
from onward.bus.topology import NANOS, make_consumer
from onward.bus.wire import HEARTBEAT, NO_MESSAGES, TIMED_OUT, status_of
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.process.backoff import full_jitter

log = logging.getLogger("onward.bus")

ACK_WAIT = 30.0
HEARTBEAT_SECONDS = 5
PULL_SECONDS = 30
MOST_UNDER_WAY = 6
"""Batches whose handler was left with something to finish, while later ones are handed over."""


async def follow(
    connection: Connection,
    name: str,
    handler: Follower,
    batch: int = 500,
    *,
    subject: str = subjects.ALL_EVENTS,
    start: int | None = None,
) -> None:
    """Hand events to `handler` for ever, oldest first, in batches of up to `batch`; an exception brings them again.

    A handler may return what it leaves to be finished while later events are handed over: they are acked after it. The
    place is kept under `name` in the server: replicas that share it share the work, each batch going to one. A new
    name begins at sequence `start`, or at the oldest event. What is delivered once more, after a crash, comes late.
    """
    await ensure_follower(connection, name, batch, subject=subject, start=start)
    following = Following(connection, name, batch)
    taken: list[Delivery] = []
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            taken = await following.next()
            more = await _handle(following, name, handler, taken)
            if more is None:
                following.done(taken)
            else:
                task = asyncio.create_task(_finish(following, name, more, taken))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            taken = []
            while len(under_way) >= MOST_UNDER_WAY:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in under_way:
            task.cancel()
        await following.close(taken)


async def ensure_follower(
    connection: Connection, name: str, batch: int, *, subject: str, start: int | None
) -> None:
    """Make the durable consumer, where it is missing."""
    settings: dict[str, Any] = {
        "ack_wait": int(ACK_WAIT * NANOS),
        "max_ack_pending": max(2000, 8 * batch),
        "max_waiting": 64,
    }
    if subject != subjects.ALL_EVENTS:
        settings["filter_subject"] = subject
    if start is not None:
        settings |= {"deliver_policy": "by_start_sequence", "opt_start_seq": max(1, start)}
    if await ack_floor(connection, name) is None:
        await make_consumer(connection, subjects.EVENTS, name, settings)


async def ack_floor(connection: Connection, name: str) -> int | None:
    """The EVENTS sequence up to which a follower has done everything; None where there is no such follower."""
    try:
        found = await call(connection, f"CONSUMER.INFO.{subjects.EVENTS}.{name}")
    except Refused as refused:
        if refused.number == NOT_FOUND_CONSUMER:
            return None
        raise
    return int(found["ack_floor"]["stream_seq"])


async def _finish(following: "Following", name: str, more: Awaitable[None], taken: "list[Delivery]") -> None:
    """Ack these once what was begun with them is done; give them back where it cannot be."""
    try:
        async with _renewing(following, taken):
            await more
    except Exception:
        first, last = taken[0][0].sequence, taken[-1][0].sequence
        log.exception("follower %s could not finish events %s to %s", name, first, last)
        await asyncio.sleep(full_jitter(3))
        following.again(taken)
    else:
        following.done(taken)


async def _handle(
    following: "Following", name: str, handler: Follower, taken: "list[Delivery]"
) -> Awaitable[None] | None:
    """Call the handler until it succeeds: what comes later waits, so that the order stays."""
    raws, failures = [raw for raw, _ in taken], 0
    while True:
        try:
            async with _renewing(following, taken):
                return await handler(raws)
        except Exception:
            failures += 1
            log.exception(
                "follower %s failed on events %s to %s, try %s",
                name,
                raws[0].sequence,
                raws[-1].sequence,
                failures,
            )
            following.renew(taken)
            await asyncio.sleep(full_jitter(failures, first=0.1, cap=10.0))


@contextlib.asynccontextmanager
async def _renewing(following: "Following", taken: "list[Delivery]") -> AsyncIterator[None]:
    async def keep() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT / 3)
            following.renew(taken)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()


Delivery = tuple[Raw, str]


class Following:
    """One pull subscription: always asks for one batch more than it holds."""

    def __init__(
        self, connection: Connection, name: str, batch: int, *, stream: str = subjects.EVENTS
    ) -> None:
        self._connection = connection
        self._batch = batch
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
        self._inbox = connection.new_inbox()
        self._buffer: deque[Delivery] = deque()
        self._left = 0
        self._pull_number = 0
        self._alive_until = 0.0
        self._pause_until = 0.0
        self._stirred = asyncio.Event()
        self._sid = connection.listen(f"{self._inbox}.*", self._arrived)
        connection.watchers.append(self._watch)

    async def next(self) -> list[Delivery]:
        """What has come since, one batch at most; waits until there is something."""
        while True:
            self._stirred.clear()
            self._pull()
            if self._buffer:
                count = min(self._batch, len(self._buffer))
                taken = [self._buffer.popleft() for _ in range(count)]
                taken.sort(key=lambda delivery: delivery[0].sequence)
                return taken
            now = time.monotonic()
            until = max(self._alive_until, self._pause_until) if self._connection.connected else now + 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.01, until - now)):
                    await self._stirred.wait()

    def _pull(self) -> None:
        now = time.monotonic()
        asked = self._left > 0 and now < self._alive_until
        if asked or len(self._buffer) >= self._batch or now < self._pause_until:
            return
        self._pull_number += 1
        body = b'{"batch":%d,"expires":%d,"idle_heartbeat":%d}' % (
            self._batch, PULL_SECONDS * NANOS, HEARTBEAT_SECONDS * NANOS,
        )  # fmt: skip
        with contextlib.suppress(NotConnected):
            self._connection.send(self._next, body, reply=f"{self._inbox}.{self._pull_number}")
            self._left = self._batch
            self._alive_until = now + 2 * HEARTBEAT_SECONDS + 1

    def _arrived(self, subject: bytes, reply: bytes, headers: bytes, data: bytes) -> None:
        if reply:
            tokens = reply.split(b".")
            sequence = int(tokens[5] if len(tokens) == 9 else tokens[7])
            self._buffer.append(
                (Raw(sequence=sequence, subject=subject.decode(), data=data, headers=headers), reply.decode())
            )
            self._left -= 1
            self._alive_until = time.monotonic() + 2 * HEARTBEAT_SECONDS + 1
        elif int(subject.rpartition(b".")[2]) == self._pull_number:
            status = status_of(headers)
            if status == HEARTBEAT:
                self._alive_until = time.monotonic() + 2 * HEARTBEAT_SECONDS + 1
                return
            self._left = 0
            if status not in {NO_MESSAGES, TIMED_OUT}:
                log.warning("follower: %s", headers[9:80].split(b"\r\n")[0].decode(errors="replace"))
                self._pause_until = time.monotonic() + random.uniform(0.2, 1.0)
        self._stirred.set()

    def _watch(self, _connected: bool) -> None:  # noqa: FBT001 - as the connection tells it
        self._left = 0
        self._stirred.set()

    def done(self, taken: list[Delivery]) -> None:
        """Ack these; an ack that is lost brings its event once more."""
        self._say(taken, b"+ACK")

    def again(self, taken: list[Delivery]) -> None:
        """Have these brought once more."""
        self._say(taken, b"-NAK")

    def renew(self, taken: list[Delivery]) -> None:
        """Keep these, and what waits behind them, for longer."""
        self._say([*taken, *self._buffer], b"+WPI")

    def _say(self, deliveries: list[Delivery], verb: bytes) -> None:
        with contextlib.suppress(NotConnected):
            for _, ack_subject in deliveries:
                self._connection.send(ack_subject, verb)

    async def close(self, taken: list[Delivery]) -> None:
        """Give back what is not handled, so that another replica need not wait for it."""
        self._connection.watchers.remove(self._watch)
        await self._connection.stop(self._sid)
        self._say([*taken, *self._buffer], b"-NAK")
        with contextlib.suppress(Unavailable):
            await self._connection.flush()
