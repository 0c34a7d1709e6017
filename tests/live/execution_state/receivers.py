"""What listens on loopback for alerts: a web server that notes what it was sent, and a mail server."""

import asyncio
import contextlib


class _Listener:
    """A server on a free port; it has closed every connection when it ends."""

    def __init__(self):
        self._tasks = set()

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _begin(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


class Receiver(_Listener):
    """Takes posts; `answers` are the statuses of the next ones, then 200."""

    def __init__(self):
        super().__init__()
        self.requests, self.answers, self.extra = [], [], ""
        self.hold = None
        """Set to an event, no answer leaves before that is set."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((head[0], headers, body))
        if self.hold is not None:
            await self.hold.wait()
        status = self.answers.pop(0) if self.answers else 200
        writer.write(
            f"HTTP/1.1 {status} x\r\n{self.extra}content-length: 5\r\nconnection: close\r\n\r\nfine\n".encode()
        )
        with contextlib.suppress(ConnectionError):
            await writer.drain()


class Mailbox(_Listener):
    """An SMTP server that takes every mail."""

    def __init__(self):
        super().__init__()
        self.mails = []

    async def _serve(self, reader, writer):
        writer.write(b"220 here\r\n")
        to = []
        while line := (await reader.readline()).decode().strip():
            verb = line.upper()
            if verb.startswith("RCPT"):
                to.append(line.partition("<")[2].partition(">")[0])
            if verb == "DATA":
                writer.write(b"354 go on\r\n")
                text = (await reader.readuntil(b"\r\n.\r\n")).decode()
                self.mails.append((to, text))
                to = []
            writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
            if verb == "QUIT":
                break
