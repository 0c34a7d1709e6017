"""Large values in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from onward.contract import subjects
from onward.contract.errors import Unavailable, ValueLost
from onward.testing.connection import Connection, Unanswered

_PART = 128 * 1024
_TRIES = 5


class MemoryObjects:
    """Implements onward.bus.ports.Objects; `stored` is shared by all processes."""

    def __init__(self, stored: dict[str, bytes], connection: Connection) -> None:
        self._stored, self._connection = stored, connection

    async def put(self, name: str, data: bytes | memoryview) -> None:
        """See Objects.put."""
        whole = bytes(data)
        for _ in range(_TRIES):
            try:
                await self._connection.call(lambda: self._stored.setdefault(name, whole), later=True)
            except Unanswered:
                continue
            return
        raise Unavailable("no answer from the object store", retry_after=1)

    async def read(self, name: str, size: int) -> AsyncIterator[bytes]:
        """See Objects.read."""
        owner, whole = subjects.object_owner(name), await self._find(name)
        if whole is None or owner is None:
            raise ValueLost(f"{name} is not in the object store")
        good = len(whole) == size and hashlib.sha256(whole).hexdigest() == owner[2]
        parts = [whole[start : start + _PART] for start in range(0, len(whole), _PART)] or [b""]
        for part in parts[:-1]:
            await asyncio.sleep(0)
            yield part
        if not good:
            raise ValueLost(f"{name} is damaged")
        yield parts[-1]

    async def size(self, name: str) -> int | None:
        """See Objects.size."""
        whole = await self._find(name)
        return None if whole is None else len(whole)

    async def _find(self, name: str) -> bytes | None:
        try:
            return await self._connection.call(lambda: self._stored.get(name))
        except Unanswered:
            raise Unavailable("no answer from the object store", retry_after=1) from None

    async def delete(self, name: str) -> None:
        """See Objects.delete."""
        try:
            await self._connection.call(lambda: self._stored.pop(name, None))
        except Unanswered:
            raise Unavailable("no answer from the object store", retry_after=1) from None
