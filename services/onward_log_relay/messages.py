"""The messages of the WebSocket, as docs/websocket.md shows them."""

from typing import Annotated, Any, Literal

import msgspec

from onward.contract.errors import OnwardError
from onward.contract.watching import Where
from onward.http.json_text import read

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Authenticate(
    msgspec.Struct, frozen=True, tag_field="type", tag="authenticate", forbid_unknown_fields=True
):
    """The first message, unless the upgrade had an Authorization header."""

    key: str


class Subscribe(msgspec.Struct, frozen=True, tag_field="type", tag="subscribe", forbid_unknown_fields=True):
    """Open a channel: the log of an execution, or its state; what happens in the project, or its board.

    `tail`, `level` and `grep` are for logs, `where`, `open` and `ended` for the project.
    """

    channel: Literal["log", "execution", "events", "board"]
    execution_id: str | None = None
    id: Name | None = None
    """What the channel is called in all that is said about it; `<channel>:<execution id>` or the channel's name."""
    where: Where = Where()
    open: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 2_000
    """The most open executions in a snapshot of the board."""
    ended: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 200
    """The most ended ones."""
    after: Count | None = None
    tail: Count | None = None
    level: Literal["debug", "info", "warning", "error", "critical"] | None = None
    grep: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None

    @property
    def name(self) -> str:
        """What the channel is called."""
        if self.id is not None:
            return self.id
        return self.channel if self.execution_id is None else f"{self.channel}:{self.execution_id}"


class Unsubscribe(
    msgspec.Struct, frozen=True, tag_field="type", tag="unsubscribe", forbid_unknown_fields=True
):
    """Close a channel."""

    id: Name


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping", forbid_unknown_fields=True):
    """Ask whether the other end is there: answered with a pong."""


Asked = Authenticate | Subscribe | Unsubscribe | Ping
_asked = msgspec.json.Decoder(Asked)
_encode = msgspec.json.Encoder().encode


def asked(text: str) -> Asked:
    """What the client wants. Raises InvalidBody."""
    found: Asked = read(text.encode(errors="replace"), _asked)
    return found


def said(type: str, **members: Any) -> str:
    """A message of ours."""
    return _encode({"type": type, **members}).decode()


def lines(name: str, array: bytes) -> str:
    """Lines of a log, which are JSON already."""
    return f'{{"type":"lines","id":{_encode(name).decode()},"lines":{array.decode()}}}'


def execution(name: str, view: bytes) -> str:
    """The state of an execution, which is JSON already."""
    return f'{{"type":"execution","id":{_encode(name).decode()},"execution":{view.decode()}}}'


def happened(name: str, items: list[bytes], position: int) -> str:
    """Events, which are JSON already."""
    head = f'{{"type":"events","id":{_encode(name).decode()},"position":{position},"items":['
    return head + b",".join(items).decode() + "]}"


def board(type: str, name: str, items: list[bytes], **members: Any) -> str:
    """Cards, which are JSON already: of a snapshot, or changed ones."""
    head = _encode({"type": type, "id": name, **members})[:-1].decode()
    return f'{head},"items":[{b",".join(items).decode()}]}}'


def refused(name: str | None, error: OnwardError) -> str:
    """What could not be done, and why."""
    return said("error", id=name, code=error.code, detail=str(error), hint=error.fix or None)
