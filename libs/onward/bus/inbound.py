"""What the server sends, read and handed on in the turn of the loop that brought it: no stream, no task, no regex."""

import asyncio
from collections.abc import Callable

Deliver = Callable[[int, bytes, bytes, bytes, bytes], None]
"""Called with subscription number, subject, reply subject, raw header block and payload."""
Command = Callable[[bytes], None]
"""Called with a line that is no message: PING, PONG, INFO, +OK or -ERR."""
LARGEST = 64 * 1024 * 1024
"""Bytes: no server sends a larger message. One that says so would have us wait for the rest of it for ever."""


class Inbound(asyncio.Protocol):
    """Stands in for asyncio's stream protocol once a connection is made, and passes on to it all but the data."""

    def __init__(self, stream: asyncio.BaseProtocol, deliver: Deliver, command: Command) -> None:
        self.ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._stream = stream
        self._deliver = deliver
        self._command = command
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Take what came; a message that is not complete yet waits for the rest. Sense ends with the first nonsense."""
        if self.ended.done():
            return
        if self._rest:
            data = self._rest + data
        position = 0
        try:
            while (end := data.find(b"\r\n", position)) >= 0:
                after = self._one(data, position, end)
                if after < 0:
                    break
                position = after
        except ValueError as error:
            self.end(error)
        self._rest = data[position:]

    def _one(self, data: bytes, position: int, end: int) -> int:
        """Where the next one begins; -1: this one is not complete."""
        kind = data[position]
        if kind not in b"MH":
            self._command(data[position:end])
            return end + 2
        fields = data[position:end].split(b" ")
        start, size, count = end + 2, int(fields[-1]), len(fields)
        stop = start + size
        if not 0 <= size <= LARGEST or not 4 <= count - (kind == 72) <= 5:
            raise ValueError(f"NATS says {data[position:end][:80]!r}")
        if len(data) < stop + 2:
            return -1
        if kind == 77:
            reply = fields[3] if count > 4 else b""
            self._deliver(int(fields[2]), fields[1], reply, b"", data[start:stop])
        else:
            body = start + int(fields[-2])
            if not start <= body <= stop:
                raise ValueError(f"NATS says {data[position:end][:80]!r}")
            reply = fields[3] if count > 5 else b""
            self._deliver(int(fields[2]), fields[1], reply, data[start:body], data[body:stop])
        return stop + 2

    def end(self, error: Exception | None) -> None:
        """Nothing more comes."""
        if not self.ended.done():
            self.ended.set_result(error)

    def eof_received(self) -> None:
        """See asyncio.Protocol."""
        self.end(None)
        self._stream.eof_received()  # type: ignore[attr-defined]

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.end(error)
        self._stream.connection_lost(error)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._stream.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._stream.resume_writing()
