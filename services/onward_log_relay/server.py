"""uvicorn, taught two things: signals belong to the process, and a client that does not read can still be told why."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from onward.http.auth import App
from onward_log_relay.clients import LAST_WORD
from onward_log_relay.settings import Settings

ABORT_SECONDS = 10.0
"""How long a client that was cut off has to fetch its last word."""
MOST_BYTES_OF_A_MESSAGE = 65_536
SEND_BUFFER = 128 * 1024
"""What the kernel may hold for one client (it takes twice that); left alone it takes megabytes for one that sleeps."""
_KEEP_ALIVE_SECONDS = 75
_PING_SECONDS = 20.0


class Server(uvicorn.Server):
    """A server whose signals belong to the process it lives in, and whose clients cannot fill the kernel's memory."""

    async def listen(self) -> None:
        """Serve until `should_exit`."""
        listening = self.config.bind_socket()
        # Accepted ones inherit both; asyncio sets the second only where it makes the socket itself.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self.serve([listening])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone."""
        yield


class Http(HttpToolsProtocol):
    """HTTP whose scope has the extension LAST_WORD."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        scope: Any = self.scope
        scope["extensions"] = {LAST_WORD: self._last_word}

    def _last_word(self) -> None:
        self.cycle.keep_alive = False
        self.flow.resume_writing()
        self.loop.call_later(ABORT_SECONDS, self.transport.abort)


class Socket(WebSocketsSansIOProtocol):
    """WebSockets whose scope has the extension LAST_WORD."""

    def handle_connect(self, event: Any) -> None:
        """Begin a session, whose task runs only after this."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", {"extensions": {}})
        scope["extensions"][LAST_WORD] = self._last_word

    def _last_word(self) -> None:
        self.writable.set()
        self.loop.call_later(ABORT_SECONDS, self.transport.abort)


def server(app: App, settings: Settings) -> Server:
    """The server of this service, ready to serve."""
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=Http,
            ws=Socket,
            ws_max_size=MOST_BYTES_OF_A_MESSAGE,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PING_SECONDS,
            ws_per_message_deflate=False,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )
    )
