"""What the audit reads and keeps in NATS: messages of CONFIG with their authors, refusals, and the heads of chains."""

import contextlib
from datetime import datetime

import msgspec

from onward.bus import config
from onward.bus.api import call
from onward.bus.connection import Connection, NotConnected
from onward.bus.pages import ask, raw_of
from onward.bus.wire import header
from onward.contract import audit, subjects
from onward.contract.errors import TooLarge, Unavailable

OWNER = "default"
"""The project under which the heads are kept: a chain is that of the installation."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of CONFIG or AUDIT."""

    sequence: int
    subject: str
    at: datetime
    actor: str | None
    data: bytes


async def messages(connection: Connection, stream: str, after: int) -> list[Message]:
    """The next messages of a stream, oldest first; none at the end. Raises Unavailable."""
    asked = ask(connection, stream, None, after)
    await asked.page()
    return [_message(reply.headers, reply.data) for reply in asked.found]


def _message(headers: bytes, data: bytes) -> Message:
    raw = raw_of(headers, data)
    return Message(
        sequence=raw.sequence,
        subject=raw.subject,
        at=msgspec.convert(header(headers, b"Nats-Time-Stamp"), datetime),
        actor=header(headers, config.ACTOR.encode()),
        data=data,
    )


def tell(connection: Connection, refusal: audit.Refusal) -> None:
    """Store a refusal, without waiting for that: what is lost by a crash of NATS at this moment stays unsaid."""
    with contextlib.suppress(NotConnected, TooLarge):
        connection.send(subjects.refusal(refusal.project), msgspec.json.encode(refusal))


async def head(connection: Connection, source: str) -> audit.Head | None:
    """The last entry of a chain, as it was kept. Raises Unavailable."""
    raw = await config.newest(connection, OWNER, audit.HEAD, source)
    return None if raw is None else msgspec.json.decode(raw, type=audit.Head)


async def keep_head(connection: Connection, source: str, newest: audit.Head) -> None:
    """Keep it in place of the one before."""
    await config.put(connection, OWNER, audit.HEAD, source, msgspec.json.encode(newest), None)
    with contextlib.suppress(Unavailable):
        subject = subjects.config(OWNER, audit.HEAD, source)
        await call(connection, f"STREAM.PURGE.{subjects.CONFIG}", {"filter": subject, "keep": 1})
