"""Large values of one held execution: kept before the event that names them, read back whole before they are needed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from onward.bus.ports import Objects
from onward.bus.values import Values
from onward.contract.errors import Unavailable
from onward.contract.values import INLINE, referred

PATIENCE = 600.0
"""Seconds that what an execution has done waits for a store that does not answer."""
FIRST_PAUSE = 0.2

T = TypeVar("T")


class Large:
    """What a worker asks of the object store; it waits for a store that is away as long as for the log."""

    def __init__(
        self, objects: Objects, project: str, execution_id: str, parent_id: str | None = None
    ) -> None:
        self._values, self._project, self._execution_id = Values(objects), project, execution_id
        self._parent_id = parent_id

    async def keep(self, raw: msgspec.Raw, what: str) -> msgspec.Raw:
        """What an event holds for `raw`. Raises TooLarge that names `what`, Unavailable after PATIENCE."""
        if len(memoryview(raw)) <= INLINE:
            return raw
        return await _patiently(lambda: self._values.keep(self._project, self._execution_id, raw, what))

    async def whole(self, raw: msgspec.Raw) -> msgspec.Raw:
        """The value that `raw` is or refers to. Raises ValueLost, Unavailable after PATIENCE."""
        if referred(raw) is None:
            return raw
        return await _patiently(
            lambda: self._values.whole(self._project, self._execution_id, raw, self._parent_id)
        )


async def _patiently(act: Callable[[], Awaitable[T]]) -> T:
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return await act()
        except Unavailable:
            if loop.time() > end:
                raise
        await asyncio.sleep(pause)
        pause = min(5.0, pause * 2)
