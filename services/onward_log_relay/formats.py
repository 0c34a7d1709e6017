"""The three ways in which a log is streamed over HTTP; all carry the lines as they are stored."""

from typing import Any, Protocol

import msgspec

from onward.contract.errors import OnwardError
from onward_log_relay.selection import Picked

_encode = msgspec.json.Encoder().encode


class Format(Protocol):
    """How lines become the bytes of an answer."""

    media_type: bytes

    def lines(self, picked: Picked) -> bytes:
        """Some lines."""
        ...

    def end(self, status: str | None, last_line: int) -> bytes:
        """What says that the log is whole: its execution has ended so."""
        ...

    def cut(self, error: OnwardError, last_line: int) -> bytes:
        """What says that the log goes on, and where to go on reading."""
        ...

    def idle(self) -> bytes:
        """A sign of life while nothing happens."""
        ...


class Ndjson:
    """One line of JSON for each line."""

    media_type = b"application/x-ndjson"

    def lines(self, picked: Picked) -> bytes:
        """See Format.lines."""
        return b"".join(line + b"\n" for _, line in picked.each())

    def end(self, status: str | None, last_line: int) -> bytes:
        """See Format.end."""
        return _encode({"end": True, "status": status, "last_line": last_line}) + b"\n"

    def cut(self, error: OnwardError, last_line: int) -> bytes:
        """See Format.cut."""
        return _encode({"end": False, **_why(error), "last_line": last_line}) + b"\n"

    def idle(self) -> bytes:
        """An empty line, which readers of NDJSON pass over."""
        return b"\n"


class EventStream:
    """Server-sent events: each line a message whose id is its number, so that a browser resumes by itself."""

    media_type = b"text/event-stream; charset=utf-8"

    def lines(self, picked: Picked) -> bytes:
        """See Format.lines."""
        return b"".join(b"id: %d\ndata: %b\n\n" % numbered for numbered in picked.each())

    def end(self, status: str | None, last_line: int) -> bytes:
        """See Format.end."""
        return b"event: end\ndata: %b\n\n" % _encode({"status": status, "last_line": last_line})

    def cut(self, error: OnwardError, last_line: int) -> bytes:
        """See Format.cut."""
        return b"event: cut\ndata: %b\n\n" % _encode({**_why(error), "last_line": last_line})

    def idle(self) -> bytes:
        """See Format.idle."""
        return b": still here\n\n"


class _Text(msgspec.Struct, frozen=True):
    text: str


class Text:
    """The bare text of each line; how it ends is not told."""

    media_type = b"text/plain; charset=utf-8"
    _decoder = msgspec.json.Decoder(list[_Text])

    def lines(self, picked: Picked) -> bytes:
        """See Format.lines."""
        return "".join(line.text + "\n" for line in self._decoder.decode(picked.array())).encode()

    def end(self, status: str | None, last_line: int) -> bytes:
        """Nothing: all of it is the log's own text."""
        del status, last_line
        return b""

    def cut(self, error: OnwardError, last_line: int) -> bytes:
        """The one line that is not the log's: this text is not the whole."""
        return f"-- {error.code}: cut off behind line {last_line}; go on with after={last_line}\n".encode()

    def idle(self) -> bytes:
        """See Format.idle."""
        return b""


def _why(error: OnwardError) -> dict[str, Any]:
    return {"error": {"code": error.code, "detail": str(error), "hint": error.fix or None}}
