"""What a worker and the process of one call say to each other: JSON behind its length, on a socket of their own."""

import msgspec

from onward.contract.events import AgentSnapshot, Failure

LENGTH = 8


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """Worker to child: what to run, and for whom."""

    path: list[str]
    module: str
    qualname: str
    args: list[msgspec.Raw]
    kwargs: dict[str, msgspec.Raw]
    execution_id: str
    attempt: int
    idempotency_key: str
    agent: AgentSnapshot | None = None


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A log line."""

    level: str
    text: str


class Progressed(msgspec.Struct, frozen=True, tag="progressed"):
    """How far it is."""

    fraction: float | None
    message: str | None


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """The function's result."""

    result: msgspec.Raw


class Raised(msgspec.Struct, frozen=True, kw_only=True, tag="raised"):
    """The function's exception, and where its type and arguments are from; `after` seconds of a RetryAfter."""

    error: Failure
    module: str
    qualname: str
    args: msgspec.Raw
    after: float | None = None


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """It stopped because it was asked to."""


Told = Said | Progressed | Returned | Raised | Stopped


def frame(message: msgspec.Struct) -> bytes:
    """A message as it is sent."""
    data = msgspec.json.encode(message)
    return len(data).to_bytes(LENGTH, "big") + data
