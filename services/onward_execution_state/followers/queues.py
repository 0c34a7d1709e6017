"""Makes the consumers of each queue that CONFIG names."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from onward.contract.errors import Misconfigured, Unavailable
from onward.process.backoff import full_jitter

log = logging.getLogger(__name__)

KIND = "queue"
DEFAULT = ("default", "default")
"""The project and the queue that are always there."""

Ensure = Callable[[str, str], Awaitable[None]]


class Queues:
    """Hears of changes, and makes what is missing; a queue that is deleted keeps its consumers, and its hints."""

    def __init__(self, ensure: Ensure) -> None:
        self._ensure = ensure
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.trouble: str | None = None

    def hear(self, project: str, kind: str, name: str, data: bytes | None, sequence: int) -> None:
        """A change of CONFIG, as bus.config.Mirror tells it."""
        del sequence
        if kind == KIND and data is not None:
            self._wanted.put_nowait((project, name))

    async def run(self) -> None:
        """Makes queues for ever, each until it is there."""
        await self._make(*DEFAULT)
        while True:
            await self._make(*await self._wanted.get())

    async def _make(self, project: str, queue: str) -> None:
        failures = 0
        while True:
            try:
                await self._ensure(project, queue)
            except Unavailable as error:
                failures += 1
                self.trouble = f"queue {queue} of project {project} cannot be made: {error}"
                await asyncio.sleep(full_jitter(failures))
            except Misconfigured as error:
                self.trouble = f"queue {queue} of project {project}: {error}"
                log.error("%s; fix: %s", self.trouble, error.fix)  # noqa: TRY400
                return
            else:
                self.trouble = None
                return
