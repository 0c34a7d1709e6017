"""What the projection asks of Postgres: one function for each statement, no decisions."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract import subjects
from onward_execution_state import rows
from onward_execution_state.database import Connection
from onward_execution_state.filing import OPEN, Place, place_of
from onward_execution_state.fold import Arrived, Bad, Known
from onward_execution_state.statements import load

_SQL = load("projection.sql")


class Source(msgspec.Struct, frozen=True):
    """A stream in one of its lives: sequences mean something within it only."""

    stream: str
    incarnation: str


async def lead(connection: Connection, source: Source) -> bool:
    """Whether this connection is the one that projects."""
    return bool(await connection.fetchval(_SQL["lead"], source.stream))


async def position(connection: Connection, source: Source, now: datetime) -> int:
    """How far this stream is projected; 0 for one never seen."""
    await connection.execute(_SQL["begin_position"], source.stream, source.incarnation, now)
    row = await connection.fetchrow(_SQL["position"], source.stream, source.incarnation)
    return int(row["sequence"]) if row else 0


async def move_position(
    connection: Connection, source: Source, previous: int, to: int, now: datetime
) -> bool:
    """Whether the position was still at `previous`, and is at `to` now."""
    moved = await connection.fetchval(
        _SQL["move_position"], source.stream, source.incarnation, previous, to, now
    )
    return moved is not None


async def known(connection: Connection, ids: Iterable[str]) -> dict[str, Known]:
    """The executions that have a row, among these."""
    found = await connection.fetch(_SQL["known"], list(ids))
    return {
        str(row["id"]): Known(
            rows.state_of(row["state"]), row["sequence"], row["base_sequence"],
            place=Place(row["retention"], row["month"]),
        )
        for row in found
    }  # fmt: skip


async def make_place(connection: Connection, place: Place) -> None:
    """Makes the tables of a class and a month, where they are not there yet."""
    await connection.execute(_SQL["make_place"], *place)


async def insert_events(
    connection: Connection, filed: Mapping[Place, list[Arrived]], known: Mapping[str, Known | None]
) -> list[Bad]:
    """Stores them where they lie; returns those that contradict an event stored before."""
    bad: list[Bad] = []
    for place, arrived in filed.items():
        seen = [item for item in arrived if _was_seen(item, known)]
        # One that was seen before may lie in another place by now.
        bodies = await _bodies(connection, seen) if seen else {}
        fresh = [item for item in arrived if _key(item) not in bodies] if seen else arrived
        if fresh:
            done = await connection.execute(_SQL["insert_events"], *rows.event_columns(fresh), *place)
            if int(done.rsplit(" ", 1)[1]) != len(fresh):
                bodies |= await _bodies(connection, fresh)
        bad += [
            Bad(item.raw, f"another event {item.event.n} of this execution is known already")
            for item in (arrived if bodies else ())
            if bodies.get(_key(item), item.raw.data) != item.raw.data
        ]
    return bad


def _was_seen(item: Arrived, known: Mapping[str, Known | None]) -> bool:
    before = known[item.event.execution_id]
    return before is not None and item.event.n <= before.state.n


def _key(item: Arrived) -> tuple[str, int]:
    return item.event.execution_id, item.event.n


async def _bodies(connection: Connection, items: Iterable[Arrived]) -> dict[tuple[str, int], bytes]:
    ids, numbers = zip(*map(_key, items), strict=True)
    found = await connection.fetch(_SQL["seen"], ids, numbers)
    return {(str(row["execution_id"]), row["n"]): row["body"] for row in found}


async def file_events(connection: Connection, again: Iterable[Known]) -> None:
    """Puts all events of these into their class."""
    by_class: dict[str, list[str]] = {}
    for known in again:
        by_class.setdefault(known.state.retention, []).append(known.state.id)
    for retention, ids in by_class.items():
        await connection.execute(_SQL["file_events"], ids, retention)


async def stored_events(connection: Connection, ids: Iterable[str]) -> dict[str, list[Arrived]]:
    """All stored events of these executions, in order."""
    found = await connection.fetch(_SQL["stored_events"], list(ids))
    by_execution = itertools.groupby(found, key=lambda row: row["execution_id"])
    return {str(execution_id): [_arrived(row) for row in group] for execution_id, group in by_execution}


async def leave_places(connection: Connection, changed: Iterable[Known]) -> bool:
    """Takes the rows of those that move out of where they lie; whether all of them were there."""
    leaving: dict[Place, list[str]] = {}
    for known in changed:
        if known.place is None or (known.place is OPEN and known.state.completed_at is None):
            continue
        if known.place != place_of(known.state):
            leaving.setdefault(known.place, []).append(known.state.id)
    for place, ids in leaving.items():
        done = await connection.execute(_SQL["leave_place"], *place, ids)
        if int(done.rsplit(" ", 1)[1]) != len(ids):
            return False
    return True


async def save_executions(connection: Connection, changed: list[Known]) -> list[int]:
    """Writes their rows where these are older; returns the size of each state."""
    columns = rows.execution_columns(changed)
    await connection.execute(_SQL["save_executions"], *columns)
    return rows.size_of(columns)


async def save_questions(connection: Connection, changed: Iterable[Known]) -> None:
    """Writes the rows of their questions where these are older."""
    found = [(known.state, row) for known in changed for row in known.questions.values()]
    if found:
        await connection.execute(_SQL["save_questions"], *rows.question_columns(found))


async def save_ends(connection: Connection, changed: Iterable[Known]) -> None:
    """Writes the rows of their ends; one that is known already stays as it is."""
    found = [(known.state, end) for known in changed for end in known.ends]
    if not found:
        return
    await connection.execute(_SQL["save_ends"], *rows.end_columns(found))
    await connection.execute(_SQL["save_kinds"], *rows.kind_columns({end.kind for _, end in found}))


async def save_facets(connection: Connection, facets: Iterable[tuple[Any, ...]]) -> None:
    """Writes combinations of what lists are narrowed down by; those that are known stay."""
    columns = [[rows.plain(value) for value in column] for column in zip(*facets, strict=True)]
    await connection.execute(_SQL["save_facets"], *columns)


async def quarantine(connection: Connection, source: Source, bad: list[Bad], now: datetime) -> None:
    """Keeps messages that cannot be projected."""
    await connection.execute(
        _SQL["quarantine"],
        source.stream,
        source.incarnation,
        [item.raw.sequence for item in bad],
        [rows.plain(item.raw.subject) for item in bad],
        [item.raw.data for item in bad],
        [rows.plain(item.why) for item in bad],
        now,
    )


async def gaps(connection: Connection) -> set[str]:
    """The executions with a missing event."""
    return {str(row["execution_id"]) for row in await connection.fetch(_SQL["gaps"])}


async def note_gaps(connection: Connection, ids: Iterable[str], now: datetime) -> None:
    """Remembers that events of these are missing."""
    await connection.execute(_SQL["note_gaps"], list(ids), now)


async def close_gaps(connection: Connection, ids: Iterable[str]) -> None:
    """Nothing is missing in these any more."""
    await connection.execute(_SQL["close_gaps"], list(ids))


def _arrived(row: Any) -> Arrived:
    event = ev.decode(row["body"])
    subject = subjects.event(event.project, event.execution_id, event.wake)
    return Arrived(Raw(row["sequence"], subject, row["body"]), event)
