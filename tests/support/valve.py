"""A TCP connection that a test can hold shut in one direction: what was sent arrives, and no answer comes back."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator


class Valve:
    """Listens on a loopback port of its own and passes bytes on to a server."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._back = asyncio.Event()
        self._back.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def url(self, urls: str) -> str:
        """These addresses, with the first one led through here and the others left out."""
        return re.sub(r":\d+$", f":{self.port}", urls.split(",", maxsplit=1)[0])

    def close_towards_client(self) -> None:
        """From now on the server's answers wait here."""
        self._back.clear()

    def open(self) -> None:
        """Let everything through."""
        self._back.set()

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until either side ends."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, there_writer, None))
                both.create_task(self._pass(there_reader, writer, self._back))
        except* OSError:
            pass
        finally:
            writer.close()
            there_writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None
    ) -> None:
        while data := await reader.read(65536):
            if gate is not None:
                await gate.wait()
            writer.write(data)
            await writer.drain()
        writer.close()

    async def end(self) -> None:
        """Drop whoever is still connected."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def valve(target: int) -> AsyncIterator[Valve]:
    """A valve before the server on this port, open."""
    here = Valve(target)
    server = await asyncio.start_server(here.accepted, "127.0.0.1", 0)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        here.open()
        await here.end()
