"""A wire between client and server that a test can cut, or make deaf in one direction."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Proxy:
    """Forwards to one server. `swallow` loses what it says, `cut` ends connections, `refuse` takes no new ones."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.swallow = False
        self.refuse = False
        self.chunk = 65536
        self.port = 0

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{self._target.username}:{self._target.password}@127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, back}
        self._clients = {writer}
        for source, sink, from_server in ((reader, back, False), (there, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, from_server))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, from_server: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(self.chunk):
                if not (from_server and self.swallow):
                    sink.write(data)
                    await sink.drain()
        sink.close()

    def say(self, data: bytes) -> None:
        """Say something in the server's name."""
        for writer in self._clients:
            writer.write(data)

    def cut(self) -> None:
        """End all connections now."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def stop(self) -> None:
        """End everything."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    """A proxy for the time of a `with`."""
    proxy = Proxy(url)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
