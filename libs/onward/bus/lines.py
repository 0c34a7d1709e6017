"""LOGS: chunks of lines, fenced per execution; replay by direct get, then the live echo, spliced by sequence."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from onward.bus import fenced
from onward.bus.connection import Connection
from onward.bus.names import check_log
from onward.bus.pages import ask, raw_of
from onward.bus.ports import Raw
from onward.bus.wire import number
from onward.contract import subjects
from onward.contract.errors import Unavailable

LOOK_AGAIN = 5.0
"""Seconds of silence after which the stream itself is asked: a lost last echo has no successor to reveal it."""
MOST_HELD = 1000
"""Echoes that are held for a slow reader; beyond, it reads the stream."""


class LogLines:
    """ports.Lines over NATS."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def append(self, project: str, execution_id: str, chunk: bytes, expected: int) -> int:
        """See ports.Lines.append."""
        return await fenced.put(
            self._connection, subjects.LOGS, _subject(project, execution_id), chunk, expected
        )

    async def last(self, project: str, execution_id: str) -> Raw | None:
        """See ports.Lines.last."""
        return await fenced.last(self._connection, subjects.LOGS, _subject(project, execution_id))

    async def read(self, project: str, execution_id: str, *, after: int = 0, most: int = 256) -> list[Raw]:
        """See ports.Lines.read."""
        subject = _subject(project, execution_id)
        return (await ask(self._connection, subjects.LOGS, subject, after, most).page()).raws

    async def follow(self, project: str, execution_id: str, *, after: int = 0) -> AsyncIterator[Raw]:
        """See ports.Lines.follow."""
        subject = _subject(project, execution_id)
        live = Live(self._connection, subjects.echo(subject))
        try:
            await live.heard_from_here()
            while True:
                live.behind = False
                async for raw in self._stored(project, execution_id, after):
                    after = raw.sequence
                    yield raw
                while not live.behind:
                    raw_or_none, before = await live.next()
                    if raw_or_none is None or before > after:
                        break
                    if raw_or_none.sequence > after:
                        after = raw_or_none.sequence
                        yield raw_or_none
        finally:
            live.close()

    async def _stored(self, project: str, execution_id: str, after: int) -> AsyncIterator[Raw]:
        """What the stream holds above `after`; a stream that does not answer now is asked again."""
        while True:
            try:
                found = await self.read(project, execution_id, after=after)
            except Unavailable:
                await self._connection.wait_connected(LOOK_AGAIN)
                await asyncio.sleep(0.1)
                continue
            for raw in found:
                after = raw.sequence
                yield raw
            if not found:
                return


def _subject(project: str, execution_id: str) -> str:
    check_log(project, execution_id)
    return subjects.logs(project, execution_id)


class Live:
    """The echo of one execution's chunks since it was asked for."""

    def __init__(self, connection: Connection, subject: str) -> None:
        self.behind = False
        """Whether echoes may have been missed, so that the stream must be read."""
        self._connection = connection
        self._held: deque[tuple[Raw, int]] = deque()
        self._came = asyncio.Event()
        self._sid = connection.listen(subject, self._arrived)
        connection.watchers.append(self._watch)

    async def heard_from_here(self) -> None:
        """Wait until the server sends the echo to us."""
        with contextlib.suppress(Unavailable):
            await self._connection.flush()

    async def next(self) -> tuple[Raw | None, int]:
        """The next echo and the sequence of the chunk before it; None: look at the stream."""
        if not self._held:
            self._came.clear()
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._came.wait()
            except TimeoutError:
                return None, 0
        return self._held.popleft() if self._held else (None, 0)

    def _arrived(self, _subject: bytes, _reply: bytes, headers: bytes, data: bytes) -> None:
        if len(self._held) >= MOST_HELD:
            self._held.clear()
            self.behind = True
        self._held.append((raw_of(headers, data), number(headers, b"Nats-Last-Sequence")))
        self._came.set()

    def _watch(self, connected: bool) -> None:  # noqa: FBT001 - as the connection tells it
        if connected:
            self.behind = True
            self._came.set()

    def close(self) -> None:
        """Hear no more."""
        self._connection.watchers.remove(self._watch)
        self._connection.client.silence(self._sid)
        self._connection.client.unlisten(self._sid)
