"""Requests to the JetStream API, as raw JSON: nats-py's data classes drop the fields that they do not know."""

from typing import Any

import msgspec

from onward.bus.connection import Connection
from onward.bus.wire import NO_RESPONDERS
from onward.contract.errors import OnwardError, Unavailable

NOT_FOUND_STREAM, NOT_FOUND_MESSAGE, NOT_FOUND_CONSUMER = 10059, 10037, 10014
STREAM_EXISTS, CONSUMER_EXISTS = 10058, 10148
WRONG_SEQUENCE, WRONG_SEQUENCE_IN_FLIGHT = 10071, 10164
NO_ROOM = frozenset({10023, 10047, 10077})
NOTHING_STORED = frozenset({10176, 10199, 10210})
"""A batch was abandoned, is too long, or found too many others open: no member of it is stored."""


class Refused(OnwardError):
    """JetStream refuses a request."""

    def __init__(self, code: int, status: int, description: str) -> None:
        super().__init__(f"JetStream: {description} ({code})")
        self.number = code
        self.code_of_status = status
        self.description = description


class Problem(msgspec.Struct, frozen=True):
    """The error object of a JetStream answer."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Ack(msgspec.Struct, frozen=True, gc=False):
    """What a stream answers to a publish."""

    seq: int = 0
    error: Problem | None = None


ack_decoder = msgspec.json.Decoder(Ack)


async def call(
    connection: Connection, subject: str, body: Any = None, *, timeout: float = 5.0
) -> dict[str, Any]:
    """The answer of `$JS.API.<subject>`. Raises Refused with JetStream's error number, Unavailable."""
    data = b"" if body is None else msgspec.json.encode(body)
    reply = await connection.request(f"$JS.API.{subject}", data, timeout=timeout)
    if reply.status == NO_RESPONDERS:
        raise Unavailable("JetStream does not answer: it is off, or has no leader yet", retry_after=1)
    answer: dict[str, Any] = msgspec.json.decode(reply.data)
    if (error := answer.get("error")) is not None:
        raise Refused(error.get("err_code", 0), error.get("code", 0), error.get("description", ""))
    return answer
