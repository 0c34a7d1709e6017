"""Answers in the place of workers whose process has ended.

Whoever gets the hint of a dead worker asks that worker whether it still runs the execution (PROTOCOL H1), and waits a
moment where nobody answers: it may be connecting again. Of a process that has closed its connections we know better.
"""

import asyncio
import contextlib

import msgspec

from onward.bus.ports import Messages
from onward.contract import subjects
from onward.contract.errors import OnwardError

SECONDS = 10.0
"""For so long somebody may ask: then its hints are with others."""
_HOLDS_NOTHING = msgspec.json.encode({"holds": False})


class Departed:
    """Being wrong is safe: the fence keeps whoever still works from writing."""

    def __init__(self, messages: Messages, *, seconds: float = SECONDS) -> None:
        self._messages, self._seconds = messages, seconds
        self._speaking: dict[str, asyncio.Task[None]] = {}

    async def gone(self, worker_id: str) -> None:
        """From now on it is said of this worker that it holds nothing."""
        if worker_id in self._speaking:
            return
        stop = await self._messages.subscribe(subjects.owner(worker_id), _answer)

        async def speak() -> None:
            try:
                await asyncio.sleep(self._seconds)
            finally:
                self._speaking.pop(worker_id, None)
                with contextlib.suppress(OnwardError):
                    await stop()

        self._speaking[worker_id] = asyncio.create_task(speak())

    def back(self, worker_id: str) -> None:
        """It was heard: it speaks for itself."""
        if (speaking := self._speaking.get(worker_id)) is not None:
            speaking.cancel()


async def _answer(_subject: str, _question: bytes) -> bytes:
    return _HOLDS_NOTHING
