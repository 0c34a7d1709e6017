"""What retention, reconciling and health ask of the streams as a whole."""

from datetime import datetime

import msgspec

from onward.bus.api import call
from onward.bus.connection import Connection
from onward.bus.hint_body import direct
from onward.bus.pages import ask
from onward.bus.ports import Raw
from onward.bus.topology import info
from onward.bus.wire import NO_RESPONDERS
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import Unavailable


class NoStream(Unavailable):
    """Somebody has deleted it, or nobody has made it yet."""


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as it is now. `incarnation` changes when it is made anew: sequences then mean something else."""

    incarnation: str
    messages: int
    bytes: int
    max_bytes: int
    first_sequence: int
    last_sequence: int
    last_at: datetime | None


class SourceLag(msgspec.Struct, frozen=True, kw_only=True):
    """How far one source of WORK is behind, and the seconds since it was last heard of (None: never)."""

    lag: int
    silent_for: float | None
    error: str | None


async def state(connection: Connection, stream: str = subjects.EVENTS) -> StreamState:
    """The state of a stream. Raises Unavailable."""
    found = await info(connection, stream)
    if found is None:
        raise NoStream(
            f"there is no stream {stream}",
            fix="put back a copy of it; or start execution_state anew, which makes it, and run `onward admin mend`",
            retry_after=5,
        )
    now = found["state"]
    return StreamState(
        incarnation=found["created"],
        messages=now["messages"],
        bytes=now["bytes"],
        max_bytes=found["config"]["max_bytes"],
        first_sequence=now["first_seq"],
        last_sequence=now["last_seq"],
        last_at=msgspec.convert(now["last_ts"], datetime) if now["messages"] else None,
    )


async def purge_to(connection: Connection, sequence: int) -> int:
    """Remove the events up to and including `sequence`; how many that were (PROTOCOL T2 says when one may)."""
    answer = await call(connection, f"STREAM.PURGE.{subjects.EVENTS}", {"seq": sequence + 1}, timeout=30)
    return int(answer["purged"])


async def work_source_lag(connection: Connection) -> dict[str, SourceLag]:
    """How far WORK is behind its sources, by stream name (PROTOCOL H5)."""
    found = await info(connection, subjects.WORK)
    return {
        source["name"]: SourceLag(
            lag=source.get("lag", 0),
            silent_for=source["active"] / 1e9 if source.get("active", -1) >= 0 else None,
            error=(source.get("error") or {}).get("description"),
        )
        for source in (found or {}).get("sources") or []
    }


async def hint_directly(connection: Connection, event: ev.AnyEvent, sequence: int) -> int:
    """Put the hint of a stored wake event into WORK past a silent source; its WORK sequence (PROTOCOL H5)."""
    return await _put(connection, *direct(event, sequence))


async def fired(connection: Connection, after: int, most: int) -> list[Raw]:
    """What schedules have published and WORK has not taken over yet, above sequence `after` of TIMERS."""
    return (await ask(connection, subjects.TIMERS, subjects.ALL_DUE, after, most).page()).raws


async def hint_of_fired(connection: Connection, raw: Raw) -> int:
    """Put what a schedule has published into WORK past a silent source; its WORK sequence (PROTOCOL H5)."""
    return await _put(connection, subjects.hint_of_due(raw.subject), b"", raw.data)


async def _put(connection: Connection, subject: str, headers: bytes, data: bytes) -> int:
    reply = await connection.request(subject, data, headers=headers)
    if reply.status == NO_RESPONDERS:
        raise Unavailable("WORK does not answer: no stream, or no leader yet", retry_after=1)
    answer = msgspec.json.decode(reply.data)
    if "error" in answer:
        raise Unavailable(f"WORK: {answer['error'].get('description')}", retry_after=1)
    return int(answer["seq"])
