"""The two ways in which events are streamed over HTTP; both carry the same objects as the WebSocket."""

from typing import Protocol

import msgspec

from onward.contract.errors import OnwardError
from onward_log_relay.folding import Happening

_encode = msgspec.json.Encoder().encode


class EventFormat(Protocol):
    """How events become the bytes of an answer."""

    media_type: bytes

    def events(self, found: list[Happening]) -> bytes:
        """Some events."""
        ...

    def idle(self, position: int) -> bytes:
        """A sign of life, and up to which position nothing else was wanted."""
        ...

    def cut(self, error: OnwardError, position: int) -> bytes:
        """What says that the stream goes on, and where to go on reading."""
        ...


class NdjsonEvents:
    """One line of JSON for each event."""

    media_type = b"application/x-ndjson"

    def events(self, found: list[Happening]) -> bytes:
        """See EventFormat.events."""
        return b"".join(one.shown() + b"\n" for one in found)

    def idle(self, position: int) -> bytes:
        """See EventFormat.idle."""
        return b'{"position":%d}\n' % position

    def cut(self, error: OnwardError, position: int) -> bytes:
        """See EventFormat.cut."""
        return _encode({"position": position, "error": _why(error)}) + b"\n"


class EventSourceEvents:
    """Server-sent events: the id of each message is its position, so that a browser resumes by itself."""

    media_type = b"text/event-stream; charset=utf-8"

    def events(self, found: list[Happening]) -> bytes:
        """See EventFormat.events."""
        return b"".join(b"id: %d\ndata: %b\n\n" % (one.position, one.shown()) for one in found)

    def idle(self, position: int) -> bytes:
        """See EventFormat.idle; an id without data moves the place to resume from, and is no message."""
        return b"id: %d\n\n: still here\n\n" % position

    def cut(self, error: OnwardError, position: int) -> bytes:
        """See EventFormat.cut."""
        return b"event: cut\nid: %d\ndata: %b\n\n" % (position, _encode({"error": _why(error)}))


def _why(error: OnwardError) -> dict[str, str | None]:
    return {"code": error.code, "detail": str(error), "hint": error.fix or None}
