"""Large values in a bucket of the NATS object store: any NATS tool can list and read them.

The layout is the object store's own: chunks on one subject for each upload, then one message that names the upload, its
size and its digest. Chunks that no such message names are nobody's; `bus/strays.py` finds them. Nothing is written with
a rollup header, and the stream refuses them: with one, a worker could empty it.
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from onward.bus import strays
from onward.bus.api import NO_ROOM, ack_decoder
from onward.bus.connection import Connection
from onward.bus.pages import ask
from onward.bus.wire import NO_RESPONDERS, Reply
from onward.contract import subjects
from onward.contract.errors import StoreFull, Unavailable, ValueLost
from onward.process.fresh import new_id

CHUNK = 128 * 1024
WINDOW = 16
"""Chunks on their way at once: 2 MiB, so that small messages of this connection pass between them."""
PAGE_BYTES = 2 * 1024**2
PATIENCE = 5.0
SETTLED = 2.5
"""Seconds in which a replica that is behind may still not show what was stored (tried: up to 2)."""
TRUSTED = timedelta(hours=1)
"""How long an upload is not repeated; far below the age at which one that nobody refers to is removed."""


class LargeValues:
    """ports.Objects over NATS."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, name: str, data: bytes | memoryview) -> None:
        """See ports.Objects.put."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._put(name, memoryview(data))
            except StoreFull:
                raise
            except Unavailable:
                if (left := end - time.monotonic()) <= 0:
                    raise
            # Nobody knows which chunks arrived: the next try is another upload.
            await asyncio.sleep(0.1)
            await self._connection.wait_connected(left)

    async def _put(self, name: str, data: memoryview) -> None:
        there = await strays.entry(self._connection, name)
        if there is not None and there.size == len(data) and there.stored_at > datetime.now(UTC) - TRUSTED:
            return
        upload = new_id()
        await self._chunks(subjects.object_chunks(upload), data)
        body = _entry(name, upload, len(data))
        reply, future = self._connection.expect(PATIENCE)
        self._connection.send(subjects.object_entry(name), body, reply=reply)
        _check(await future)

    async def _chunks(self, subject: str, data: memoryview) -> None:
        waiting: list[asyncio.Future[Any]] = []
        for start in range(0, len(data), CHUNK):
            reply, future = self._connection.expect(PATIENCE)
            self._connection.send(subject, bytes(data[start : start + CHUNK]), reply=reply)
            waiting.append(future)
            if len(waiting) == WINDOW:
                _check(await waiting.pop(0))
        for future in waiting:
            _check(await future)

    async def read(self, name: str, size: int) -> AsyncIterator[bytes]:
        """See ports.Objects.read."""
        owner, entry = subjects.object_owner(name), await self._entry(name)
        if owner is None or entry is None:
            raise ValueLost(f"{name} is not in the object store")
        digest, length, held = hashlib.sha256(), 0, b""
        async for chunk in self._stored(subjects.object_chunks(entry.upload), size):
            if held:
                yield held
            digest.update(chunk)
            length, held = length + len(chunk), chunk
        if length != size or digest.hexdigest() != owner[2]:
            raise ValueLost(f"{name} is damaged: {length} of {size} bytes are there, or others than it was")
        yield held

    async def _entry(self, name: str) -> "strays.Entry | None":
        end = time.monotonic() + SETTLED
        while True:
            found = await strays.entry(self._connection, name)
            if found is not None or time.monotonic() > end:
                return found
            await asyncio.sleep(0.05)

    async def _stored(self, subject: str, size: int) -> AsyncIterator[bytes]:
        end, after, length = time.monotonic() + SETTLED, 0, 0
        while length < size and time.monotonic() < end:
            page = await ask(self._connection, subjects.VALUES, subject, after, most_bytes=PAGE_BYTES).page()
            for raw in page.raws:
                after, length = raw.sequence, length + len(raw.data)
                yield raw.data
            if page.raws:
                end = time.monotonic() + SETTLED
            else:
                await asyncio.sleep(0.05)

    async def size(self, name: str) -> int | None:
        """See ports.Objects.size."""
        found = await strays.entry(self._connection, name)
        return None if found is None else found.size

    async def delete(self, name: str) -> None:
        """See ports.Objects.delete."""
        found = await strays.entry(self._connection, name)
        if found is not None:
            await strays.remove(self._connection, found)


def _entry(name: str, upload: str, size: int) -> bytes:
    digest = bytes.fromhex((subjects.object_owner(name) or ("", "", ""))[2])
    return msgspec.json.encode(
        {
            "name": name,
            "bucket": subjects.BUCKET,
            "nuid": upload,
            "size": size,
            "chunks": -(-size // CHUNK),
            "mtime": datetime.now(UTC),
            "digest": f"SHA-256={base64.urlsafe_b64encode(digest).decode()}",
            "options": {"max_chunk_size": CHUNK},
        }
    )


def _check(reply: Reply) -> None:
    if reply.status == NO_RESPONDERS:
        raise Unavailable("the object store does not answer: no stream, or no leader yet", retry_after=1)
    problem = ack_decoder.decode(reply.data).error
    if problem is not None and problem.err_code in NO_ROOM:
        raise StoreFull(f"{subjects.VALUES}: {problem.description}", retry_after=30)
    if problem is not None:
        raise Unavailable(f"{subjects.VALUES}: {problem.description}", retry_after=1)
