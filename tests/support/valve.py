"""A TCP wire that a test can cut, hold, slow down, or close in one direction: then no answer comes back."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator


class Valve:
    """Listens on a loopback port of its own and passes bytes on to a server."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._back, self._there = asyncio.Event(), asyncio.Event()
        self._back.set()
        self._there.set()
        self._delay = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def url(self, urls: str) -> str:
        """These addresses, with the first one led through here and the others left out."""
        return re.sub(r":\d+$", f":{self.port}", urls.split(",", maxsplit=1)[0])

    def close_towards_client(self) -> None:
        """From now on the server's answers wait here."""
        self._back.clear()

    def hold(self) -> None:
        """From now on nothing gets through in either direction, and nobody is told."""
        self._back.clear()
        self._there.clear()

    def slow(self, seconds: float) -> None:
        """From now on everything takes so much longer."""
        self._delay = seconds

    def cut(self) -> None:
        """Drop who is connected; they may connect again."""
        for task in self._tasks:
            task.cancel()

    def open(self) -> None:
        """Let everything through."""
        self._delay = 0.0
        self._back.set()
        self._there.set()

    async def accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until either side ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        writers = [writer]
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(there_writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, there_writer, self._there))
                both.create_task(self._pass(there_reader, writer, self._back))
        except* (OSError, asyncio.CancelledError):
            pass  # the server is down or gone, or the wire was cut
        finally:
            for one in writers:
                one.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        while data := await reader.read(65536):
            await gate.wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def end(self) -> None:
        """Drop whoever is still connected."""
        self.cut()
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
