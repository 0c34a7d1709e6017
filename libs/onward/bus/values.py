"""Values on their way into events and out of them: large ones go beside the log, and come back whole."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import msgspec

from onward.bus.ports import Objects
from onward.contract import subjects, values
from onward.contract.errors import TooLarge, ValueLost
from onward.contract.values import INLINE, MOST, Reference

_AT_ONCE = 4 * 1024**2  # hashed in one turn of the loop


class Values:
    """The edge between events and values."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, project: str, execution_id: str, raw: msgspec.Raw, what: str) -> msgspec.Raw:
        """What an event of this execution holds for `raw`: itself, or a reference to where it is stored by now.

        To be called before the append that needs it. Raises TooLarge that names `what`, StoreFull, Unavailable.
        """
        data = memoryview(raw)
        if len(data) <= INLINE:
            return raw
        if len(data) > MOST:
            raise too_large(what, len(data))
        name = subjects.object_name(project, execution_id, await _digest(data))
        await self._objects.put(name, data)
        return values.reference(name, len(data))

    async def whole(
        self, project: str, execution_id: str, raw: msgspec.Raw, parent_id: str | None = None
    ) -> msgspec.Raw:
        """The value that `raw` is, or refers to. Raises ValueLost, Unavailable."""
        found = values.referred(raw)
        if found is None:
            return raw
        parts = self.parts(project, execution_id, found, parent_id)
        return msgspec.Raw(b"".join([part async for part in parts]))

    def parts(
        self, project: str, execution_id: str, found: Reference, parent_id: str | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes of a large value of this execution, in order. Raises ValueLost, Unavailable."""
        if not found.belongs_to(project, execution_id, parent_id):
            raise ValueLost(f"{found.object[:200]!r} is no value of execution {execution_id}")
        return self._objects.read(found.object, found.bytes)


def too_large(what: str, size: int) -> TooLarge:
    """The refusal of a value that is above every limit."""
    return TooLarge(
        f"{what} is {size} bytes; the limit is {MOST}", fix="save it elsewhere and pass a reference"
    )


async def _digest(data: memoryview) -> str:
    found = hashlib.sha256()
    for start in range(0, len(data), _AT_ONCE):
        found.update(data[start : start + _AT_ONCE])
        await asyncio.sleep(0)
    return found.hexdigest()
