"""One connection to NATS: cheap requests, endless reconnect, and no silence that looks like health."""

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import Callable
from typing import Any

import nats.errors

from onward.bus.answers import Answers
from onward.bus.wire import Client, Reply, frame, safe, type_of_listener
from onward.contract.errors import Misconfigured, TooLarge, Unavailable

log = logging.getLogger("onward.bus")

REQUEST_SECONDS = 2.5
WATCH_SECONDS = 10.0

_Closed = Callable[[], None]


class NotConnected(Unavailable):
    """Nothing was sent: there is no connection to NATS just now."""


class Connection(Answers):
    """A connection that reconnects for ever; `connected` says how it is now."""

    def __init__(self, client: Client, name: str, inbox: str) -> None:
        super().__init__(f"{inbox}.{os.urandom(8).hex()}.")
        self.name = name
        self.client = client
        self.watchers: list[Callable[[bool], None]] = []
        """Called with False when the connection is lost, with True when it is back."""
        self._back = asyncio.Event()
        self._inboxes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.closing = False

    @property
    def connected(self) -> bool:
        """Whether a request would be sent now."""
        return self.client.is_connected

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes."""
        return self.client.max_payload

    def new_inbox(self) -> str:
        """A subject that only this connection listens to."""
        self._inboxes += 1
        return f"{self.inbox}x.{self._inboxes}"

    @property
    def server_version(self) -> str:
        """The version of the server it is connected to."""
        return self.client.server_version

    # Sending
    def send(self, subject: str, data: bytes = b"", *, reply: str = "", headers: bytes = b"") -> None:
        """Send one message in this turn of the loop. Raises NotConnected, TooLarge, InvalidName."""
        if not self.client.is_connected:
            raise NotConnected(retry_after=1)
        if len(data) + len(headers) > self.client.max_payload:
            raise TooLarge(f"{len(data)} bytes are more than one message may hold ({self.max_payload})")
        self.client.post(frame(safe(subject), reply, headers, data))

    async def request(
        self, subject: str, data: bytes = b"", *, headers: bytes = b"", timeout: float = REQUEST_SECONDS
    ) -> Reply:
        """The first answer. Raises NotConnected, or Unavailable: lost or too late, so the outcome is unknown."""
        if not self.client.is_connected:
            raise NotConnected(retry_after=1)
        reply, future = self.expect(timeout)
        self.send(subject, data, reply=reply, headers=headers)
        answer: Reply = await future
        return answer

    def ask_many(
        self, subject: str, data: bytes, *, timeout: float = REQUEST_SECONDS
    ) -> tuple[list[Reply], "asyncio.Future[Any]"]:
        """The list that answers come into, and the future of the one with a status, which ends it."""
        if not self.client.is_connected:
            raise NotConnected(retry_after=1)
        found: list[Reply] = []

        def more(answer: Reply) -> bool:
            if answer.status:
                return False
            found.append(answer)
            return True

        reply, future = self.expect(timeout, more)
        self.send(subject, data, reply=reply)
        return found, future

    # Receiving
    def listen(self, subject: str, listener: type_of_listener, *, group: str = "") -> int:
        """Hear a subject, over reconnects too; the number to `stop` by."""
        return self.client.listen(subject, group, listener)

    async def stop(self, sid: int) -> None:
        """Hear it no more; what the server had already sent still arrives."""
        self.client.silence(sid)
        with contextlib.suppress(Unavailable):
            await self.flush()
        self.client.unlisten(sid)

    async def flush(self, timeout: float = REQUEST_SECONDS) -> None:
        """Wait until the server has read everything sent so far. Raises Unavailable."""
        if not self.client.is_connected:
            raise NotConnected(retry_after=1)
        reply, future = self.expect(timeout)
        self.send(reply)
        await future

    async def wait_connected(self, timeout: float) -> bool:
        """Whether it is connected, now or within `timeout` seconds."""
        if self.client.is_connected:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._back.wait()
        return self.client.is_connected

    # The inside
    def _tell(self, connected: bool) -> None:  # noqa: FBT001 - the one thing to tell
        for watcher in list(self.watchers):
            try:
                watcher(connected)
            except Exception:
                log.exception("a watcher of the connection failed")

    async def lost(self) -> None:
        """Fail whoever waits: the answer will not come any more."""
        self._back.clear()
        self.fail_all("the connection to NATS was lost")
        self._tell(False)

    async def restored(self) -> None:
        """Go on."""
        self._back.set()
        self._tell(True)

    def start(self) -> None:
        """Listen for answers and watch the read loop."""
        self.listen(self.inbox + "*", self.answered)
        self._back.set()
        self._tasks.append(asyncio.create_task(self._watch()))

    async def _watch(self) -> None:
        # nats-py's read loop can end and leave a connection that looks well.
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if not self.client.is_connected:
                continue
            try:
                await self.flush(WATCH_SECONDS / 2)
            except Unavailable:
                log.warning("NATS has not answered for %s s: connecting again", WATCH_SECONDS / 2)
                await self.client.force_reconnect()

    async def close(self) -> None:
        """End the connection for good; nobody is told, for it is our own will."""
        for task in self._tasks:
            task.cancel()
        self.closing = True
        await self.client.close()
        await self.lost()


async def connect(
    url: str, name: str, *, on_closed: _Closed, within: float = 30.0, inbox: str = "_INBOX"
) -> Connection:
    """A connection to one of the servers in `url` (comma separated).

    Raises Misconfigured at once where the server refuses the credential or the URL makes no sense, and Unavailable
    where none answers `within` seconds. `on_closed` is called when the connection has ended for good, against our will.
    """
    client = Client()
    connection = Connection(client, name, inbox)
    refused: asyncio.Future[Misconfigured] = asyncio.get_running_loop().create_future()
    errors = _Errors(refused)
    try:
        async with asyncio.timeout(within):
            await _first(client, refused, _options(url, name, connection, errors, on_closed))
    except TimeoutError:
        raise Unavailable(
            f"no NATS server answers at {hidden(url)}", fix="start nats-server, or mend the URL"
        ) from None
    except nats.errors.Error as error:
        raise Misconfigured(f"NATS at {hidden(url)}: {error}", fix="mend the URL of NATS") from error
    errors.connected = True
    connection.start()
    await connection.flush()
    return connection


class _Errors:
    """What nats-py reports: of interest before the first connection, a log line after it."""

    def __init__(self, refused: "asyncio.Future[Misconfigured]") -> None:
        self.connected = False
        self._refused = refused

    async def heard(self, error: Exception) -> None:
        """One of them."""
        text = str(error).lower()
        if self.connected or self._refused.done():
            log.warning("NATS: %s", error or type(error).__name__)
        elif "authorization" in text or "authentication" in text:
            self._refused.set_result(
                Misconfigured("NATS refuses the credential", fix="mend the user and password")
            )
        elif isinstance(error, ssl.SSLError):
            self._refused.set_result(
                Misconfigured(f"TLS to NATS fails: {error}", fix="mend the certificates")
            )


def _options(
    url: str, name: str, connection: Connection, errors: _Errors, on_closed: _Closed
) -> dict[str, Any]:
    async def closed() -> None:
        if not connection.closing:
            log.error("the connection to NATS has ended for good")
            on_closed()

    return {
        "servers": [part.strip() for part in url.split(",") if part.strip()],
        "name": name,
        "error_cb": errors.heard,
        "disconnected_cb": connection.lost,
        "reconnected_cb": connection.restored,
        "closed_cb": closed,
        "max_reconnect_attempts": -1,
        "connect_timeout": 3,
        "ping_interval": 10,
        "max_outstanding_pings": 2,
        "pending_size": 0,
    }


async def _first(client: Client, refused: "asyncio.Future[Misconfigured]", options: dict[str, Any]) -> None:
    """Connect, unless the server refuses us before that."""
    connecting: asyncio.Task[None] = asyncio.create_task(client.connect(**options))
    try:
        either: set[asyncio.Future[Any]] = {connecting, refused}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not refused.done():
            return await connecting
    finally:
        if not connecting.done():
            connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await connecting
    raise refused.result()


def hidden(url: str) -> str:
    """The URL without its password, for people."""
    shown = []
    for part in url.split(","):
        scheme, _, rest = part.strip().rpartition("://")
        shown.append(f"{scheme or 'nats'}://{rest.rpartition('@')[2]}")
    return ",".join(shown)
