"""What the object store holds, as its clean-up asks: the entries in order, and uploads that no entry names."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from onward.bus.api import call
from onward.bus.connection import Connection
from onward.bus.pages import ask
from onward.bus.wire import NO_MESSAGES, header, number
from onward.contract import subjects
from onward.contract.errors import Unavailable

_PAGE = 500
_SUBJECTS = 100_000
"""Subjects that the server tells of at once."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One object: its name, the upload that holds its bytes, and when it was stored."""

    name: str
    upload: str = msgspec.field(name="nuid")
    size: int = 0
    deleted: bool = False
    """Left by another tool's delete; Onward leaves nothing behind."""
    sequence: int = 0
    stored_at: datetime = datetime.min.replace(tzinfo=UTC)


_decoder = msgspec.json.Decoder(Entry)


async def entry(connection: Connection, name: str) -> Entry | None:
    """The object of this name. Raises Unavailable."""
    body = msgspec.json.encode({"last_by_subj": subjects.object_entry(name)})
    reply = await connection.request(f"$JS.API.DIRECT.GET.{subjects.VALUES}", body)
    if reply.status == NO_MESSAGES:
        return None
    if reply.status:
        raise Unavailable("the object store cannot be read", retry_after=1)
    found = _read(reply.headers, reply.data)
    return None if found is None or found.deleted else found


async def entries(connection: Connection, after: int) -> list[Entry]:
    """The next entries above stream sequence `after`, oldest first; empty at the end. Raises Unavailable."""
    found: list[Entry] = []
    while not found:
        asked = ask(connection, subjects.VALUES, subjects.ALL_OBJECTS, after, _PAGE)
        page = await asked.page()
        if not page.raws:
            return []
        found = [one for reply in asked.found if (one := _read(reply.headers, reply.data)) is not None]
        after = page.raws[-1].sequence
    return found


async def uploads(connection: Connection) -> set[str]:
    """The uploads that chunks are stored of, up to 100,000. Raises Unavailable."""
    body = {"subjects_filter": subjects.ALL_CHUNKS}
    found = await call(connection, f"STREAM.INFO.{subjects.VALUES}", body, timeout=30)
    return {subject.rpartition(".")[2] for subject in found["state"].get("subjects") or {}}


async def remove(connection: Connection, found: Entry) -> None:
    """Remove an object, unless it was stored anew since it was looked at. Raises Unavailable."""
    await _purge(connection, {"filter": subjects.object_entry(found.name), "seq": found.sequence + 1})
    await remove_uploads(connection, [found.upload])


async def remove_uploads(connection: Connection, gone: Iterable[str]) -> None:
    """Remove the chunks of these uploads. Raises Unavailable."""
    for upload in gone:
        await _purge(connection, {"filter": subjects.object_chunks(upload)})


async def _purge(connection: Connection, what: dict[str, object]) -> None:
    await call(connection, f"STREAM.PURGE.{subjects.VALUES}", what, timeout=30)


def _read(headers: bytes, data: bytes) -> Entry | None:
    try:
        found = _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
    stored_at = msgspec.convert(header(headers, b"Nats-Time-Stamp"), datetime)
    return msgspec.structs.replace(found, sequence=number(headers, b"Nats-Sequence"), stored_at=stored_at)
