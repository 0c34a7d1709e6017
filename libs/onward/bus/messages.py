"""Core messages: fast, unstored, to whoever listens now."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from onward.bus.answers import NoAnswer
from onward.bus.connection import Connection, NotConnected
from onward.bus.wire import NO_RESPONDERS

log = logging.getLogger("onward.bus")

MOST_HELD = 100_000
"""Messages that wait for a slow handler; core messages may be lost, memory may not."""

_Handle = Callable[[str, bytes], Awaitable[bytes | None]]


class Messages:
    """ports.Messages over NATS."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def publish(self, subject: str, data: bytes) -> None:
        """See ports.Messages.publish."""
        with contextlib.suppress(NotConnected):
            self._connection.send(subject, data)

    async def subscribe(
        self, subject: str, handle: _Handle, *, group: str | None = None
    ) -> Callable[[], Awaitable[None]]:
        """See ports.Messages.subscribe.

        Messages are handled one after the other, in order; requests, which wait for their reply, all at once.
        """
        heard = _Heard(self._connection, handle)
        sid = self._connection.listen(subject, heard.arrived, group=group or "")
        await self._connection.flush()

        async def unsubscribe() -> None:
            await self._connection.stop(sid)
            heard.close()

        return unsubscribe

    async def ask(self, subject: str, data: bytes, *, timeout: float) -> bytes | None:
        """See ports.Messages.ask. Raises Unavailable where our own connection is lost: that is no silence."""
        reply, future = self._connection.expect(timeout)
        self._connection.send(subject, data, reply=reply)
        try:
            answer = await future
        except NoAnswer:
            return None
        return None if answer.status == NO_RESPONDERS else bytes(answer.data)


class _Heard:
    """What one subscription has heard and not handled yet."""

    def __init__(self, connection: Connection, handle: _Handle) -> None:
        self._connection = connection
        self._handle = handle
        self._inbox: deque[tuple[str, bytes]] = deque()
        self._lost = 0
        self._draining: asyncio.Task[None] | None = None
        self._replying: set[asyncio.Task[None]] = set()

    def arrived(self, subject: bytes, reply: bytes, _headers: bytes, data: bytes) -> None:
        """Take one message, in the turn of the loop that read it."""
        if reply:
            task = asyncio.create_task(self._answer(subject.decode(), reply.decode(), data))
            self._replying.add(task)
            task.add_done_callback(self._replying.discard)
            return
        if len(self._inbox) >= MOST_HELD:
            self._lost += 1
            if self._lost % MOST_HELD == 1:
                log.warning(
                    "messages on %s come faster than they are handled; some are lost", subject.decode()
                )
            return
        self._inbox.append((subject.decode(), data))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())

    async def _answer(self, subject: str, reply: str, data: bytes) -> None:
        answer = await self._one(subject, data)
        if answer is not None:
            with contextlib.suppress(NotConnected):
                self._connection.send(reply, answer)

    async def _drain(self) -> None:
        try:
            while self._inbox:
                await self._one(*self._inbox.popleft())
        finally:
            self._draining = None

    async def _one(self, subject: str, data: bytes) -> bytes | None:
        try:
            return await self._handle(subject, data)
        except Exception:
            log.exception("a message on %s could not be handled", subject)
            return None

    def close(self) -> None:
        """Handle no more."""
        self._inbox.clear()
        for task in (*self._replying, *([self._draining] if self._draining else [])):
            if task is not asyncio.current_task():
                task.cancel()
