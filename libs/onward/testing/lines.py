"""LOGS in memory: chunks of log lines, one fence per execution."""

import asyncio
from collections.abc import AsyncIterator

from onward.bus.ports import Raw
from onward.contract import subjects
from onward.contract.errors import FenceLost, Unavailable
from onward.testing.connection import Connection, Unanswered


class LineStream:
    """The chunks of all executions."""

    def __init__(self) -> None:
        self.last = 0
        self.chunks: dict[str, list[Raw]] = {}
        self.grown = asyncio.Event()

    def append(self, subject: str, data: bytes, expected: int) -> int:
        """Store a chunk behind the expected one. Raises FenceLost."""
        log = self.chunks.setdefault(subject, [])
        last = log[-1].sequence if log else 0
        if last != expected:
            raise FenceLost(f"expected {expected}, found {last}", floor=last)
        self.last += 1
        log.append(Raw(self.last, subject, data))
        self.grown.set()
        self.grown = asyncio.Event()
        return self.last


class MemoryLines:
    """Implements onward.bus.ports.Lines."""

    def __init__(self, stream: LineStream, connection: Connection) -> None:
        self._stream, self._connection = stream, connection

    async def append(self, project: str, execution_id: str, chunk: bytes, expected: int) -> int:
        """See Lines.append."""
        subject = subjects.logs(project, execution_id)
        sent_before = False
        while True:
            try:
                return await self._connection.call(
                    lambda: self._stream.append(subject, chunk, expected), later=True
                )
            except Unanswered:
                sent_before = True
            except FenceLost:
                found = [
                    raw
                    for raw in self._stream.chunks[subject]
                    if raw.sequence > expected and raw.data == chunk
                ]
                if not sent_before or not found:
                    raise
                return found[0].sequence

    async def last(self, project: str, execution_id: str) -> Raw | None:
        """See Lines.last."""
        chunks = await self._read(project, execution_id)
        return chunks[-1] if chunks else None

    async def read(self, project: str, execution_id: str, *, after: int = 0, most: int = 256) -> list[Raw]:
        """See Lines.read."""
        chunks = await self._read(project, execution_id)
        return [raw for raw in chunks if raw.sequence > after][:most]

    async def _read(self, project: str, execution_id: str) -> list[Raw]:
        subject = subjects.logs(project, execution_id)
        try:
            return await self._connection.call(lambda: list(self._stream.chunks.get(subject, ())))
        except Unanswered:
            raise Unavailable("no answer from the log store") from None

    async def follow(self, project: str, execution_id: str, *, after: int = 0) -> AsyncIterator[Raw]:
        """See Lines.follow."""
        while True:
            grown = self._stream.grown
            chunks = await self.read(project, execution_id, after=after)
            for chunk in chunks:
                after = chunk.sequence
                yield chunk
            if not chunks:
                await grown.wait()
