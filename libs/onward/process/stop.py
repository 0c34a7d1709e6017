"""How a process learns that it has to end, and why."""

import asyncio


class Stop:
    """Asked for by a signal, by the parent's death, or by what must not go on; safe from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self.reason: str | None = None
        self.failed = False

    @property
    def requested(self) -> bool:
        """Says whether the process should end."""
        return self.reason is not None

    def request(self, reason: str) -> None:
        """Asks for an orderly end."""
        self.reason = self.reason or reason
        self._loop.call_soon_threadsafe(self._asked.set)

    def fail(self, reason: str) -> None:
        """Asks for an orderly end with a non-zero code, so that a supervisor starts the process again."""
        if not self.requested:
            self.failed = True
        self.request(reason)

    async def wait(self) -> None:
        """Waits until the end is asked for."""
        await self._asked.wait()

    async def sleep(self, seconds: float) -> bool:
        """Waits this long, or until the end is asked for; says whether it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return self.requested
        return True
