"""The part of nats-py that we go round: no queue, task, header dictionary or future for each message.

`Client` hands a message to its listener in the turn of the loop that read it, and writes all that one turn of the loop
sends at once. What was sent while the connection is down is dropped, never kept for later (PROTOCOL A5).
"""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from nats.aio.client import Client as NatsClient
from nats.aio.subscription import Subscription
from nats.errors import UnexpectedEOF

from onward.bus.inbound import Inbound
from onward.contract.errors import InvalidName
from onward.process.backoff import full_jitter

log = logging.getLogger("onward.bus")

VERSION_LINE = b"NATS/1.0\r\n"
NO_MESSAGES, TIMED_OUT, CONFLICT, NO_RESPONDERS, END_OF_BATCH, HEARTBEAT = 404, 408, 409, 503, 204, 100

type_of_listener = Callable[[bytes, bytes, bytes, bytes], None]
"""Called with subject, reply subject, raw header block and payload."""


_UNSAFE = re.compile(r"[^!-~]")
_LINE_END = re.compile(r"[\r\n]")


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One message as it came: `status` is 0 unless the server speaks about the request itself."""

    status: int
    subject: bytes
    headers: bytes
    data: bytes


def status_of(headers: bytes) -> int:
    """The inline status of a header block, 0 where there is none."""
    if headers[8:9] != b" ":
        return 0
    digits = headers[9:12]
    return int(digits) if digits.isdigit() else 0


def header(headers: bytes, name: bytes) -> str | None:
    """The value of one header; `name` as it is written."""
    start = headers.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    return headers[start : headers.find(b"\r\n", start)].decode("utf-8", "replace").strip()


def number(headers: bytes, name: bytes) -> int:
    """The value of a header that holds a number; 0 where there is none."""
    value = header(headers, name)
    return int(value) if value and len(value) < 20 and value.isascii() and value.isdigit() else 0


def safe(subject: str) -> str:
    """The subject itself, when it cannot end the protocol line it stands in. Raises InvalidName."""
    if _UNSAFE.search(subject) or not subject:
        raise InvalidName(f"{subject[:80]!r} cannot be a subject", fix="use names of a-z, 0-9, _ and - only")
    return subject


def block(*pairs: tuple[str, str]) -> bytes:
    """A header block of these pairs, ready for `frame`."""
    if any(_LINE_END.search(value) for _, value in pairs):
        raise InvalidName("a header cannot hold a line end")
    return VERSION_LINE + "".join(f"{key}: {value}\r\n" for key, value in pairs).encode() + b"\r\n"


def frame(subject: str, reply: str, headers: bytes, data: bytes) -> bytes:
    """One message as the protocol writes it."""
    if headers:
        size = len(headers)
        return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (
            subject.encode(), reply.encode(), size, size + len(data), headers, data,
        )  # fmt: skip
    return b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply.encode(), len(data), data)


class Client(NatsClient):
    """nats-py's connection handling, with our own way in and out for messages."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: dict[int, type_of_listener] = {}
        self._outgoing: list[bytes] = []
        self._write_due = False
        self._failures = 0
        self._turns = asyncio.get_running_loop()
        self._work: set[asyncio.Task[None]] = set()

    @property
    def server_version(self) -> str:
        """What the server called itself when it greeted us."""
        return str(self._server_info.get("version", "0"))

    def post(self, message: bytes) -> None:
        """Send with everything else of this turn of the loop."""
        self._outgoing.append(message)
        if not self._write_due:
            self._write_due = True
            self._turns.call_soon(self._write)

    def _write(self) -> None:
        self._write_due = False
        self.write_now()

    def write_now(self) -> None:
        """Send what was posted, without waiting for the end of the turn."""
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self.is_connected and self._transport is not None:
            self._transport.writelines(outgoing)

    def listen(self, subject: str, group: str, listener: type_of_listener) -> int:
        """Subscribe, now and after every reconnect; the number to `unlisten` by."""
        safe(subject)
        self._sid += 1
        self._subs[self._sid] = Subscription(self, self._sid, subject, queue=group)
        self._listeners[self._sid] = listener
        self.post(f"SUB {subject} {group} {self._sid}\r\n".encode())
        return self._sid

    def silence(self, sid: int) -> None:
        """Ask the server to send no more; what it has sent still reaches the listener."""
        if sid in self._subs:
            self.post(b"UNSUB %d\r\n" % sid)

    def unlisten(self, sid: int) -> None:
        """Forget the listener."""
        self._subs.pop(sid, None)
        self._listeners.pop(sid, None)

    # The way in, instead of nats-py's
    async def _read_loop(self) -> None:
        stream: Any = self._transport
        transport, reader = stream._io_writer.transport, stream._io_reader  # noqa: SLF001
        inbound = Inbound(transport.get_protocol(), self._deliver, self._command)
        transport.set_protocol(inbound)
        if reader._buffer:  # noqa: SLF001 - what came together with the greeting
            inbound.data_received(bytes(reader._buffer))  # noqa: SLF001
        if reader.at_eof() or transport.is_closing():
            inbound.end(None)
        try:
            error = await inbound.ended
        except asyncio.CancelledError:
            return
        await self._process_op_err(error or UnexpectedEOF())

    def _deliver(self, sid: int, subject: bytes, reply: bytes, headers: bytes, data: bytes) -> None:
        listener = self._listeners.get(sid)
        if listener is None:
            return
        try:
            listener(subject, reply, headers, data)
        except Exception:
            log.exception("a listener failed on %s", subject.decode(errors="replace"))

    def _command(self, line: bytes) -> None:
        if line == b"PING" and self._transport is not None:
            self._transport.write(b"PONG\r\n")
        elif line == b"PONG":
            self._pings_outstanding = 0
            if self._pongs and not (pong := self._pongs.pop(0)).done():
                pong.set_result(True)
        elif line.startswith(b"INFO "):
            self._later(self._process_info(msgspec.json.decode(line[5:])))
        elif line.startswith(b"-ERR"):
            self._later(self._process_err(line[4:].strip().decode(errors="replace").lower()))
        elif line != b"+OK":
            raise ValueError(f"NATS says {line[:80]!r}")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _attempt_reconnect(self) -> None:
        # close() waits until a frozen server has read what we wrote, so the socket is dropped instead.
        self._drop_socket()
        await super()._attempt_reconnect()

    async def _select_next_server(self) -> None:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # nats-py may swallow a cancellation on its way, and would then keep the loop from ending.
            raise asyncio.CancelledError
        # A try that failed after the socket was open leaves it open.
        self._drop_socket()
        self._failures += 1
        self.options["reconnect_time_wait"] = full_jitter(self._failures, first=0.02, cap=2.0)
        await super()._select_next_server()

    def _drop_socket(self) -> None:
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    async def _process_connect_init(self) -> None:
        await super()._process_connect_init()
        self._failures = 0
