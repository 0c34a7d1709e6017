"""What Postgres has missed: an older copy of it was put back, and retention has purged what came since.

Its tables catch up from what EVENTS still holds. What is open was carried there. What ended in between is told of
nowhere: executions that this Postgres never saw are missing, and those that it knows as open stay so.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from onward.bus.ports import EventLog
from onward.contract.errors import BrokenLog
from onward.contract.losses import LossView
from onward_execution_state.database import Connection, Database
from onward_execution_state.statements import load

IN_LOG, OF_RANGE, OF_END = "log", "range", "end"
_SHOWN = 5
_AT_MOST = 10_000
_SQL = load("losses.sql")
_END_LOST = "stands as open, and EVENTS holds nothing of it: how it ended is lost"


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    project: str


async def note_missed(connection: Connection, first: int, last: int, now: datetime) -> str:
    """Keeps that these sequences were purged before they came here; says so."""
    some = f"event {first} was" if first == last else f"events {first} to {last} were"
    told = f"{some} purged before Postgres had them: an older copy of it was put back"
    await connection.execute(_SQL["note_missed"], f"{first}-{last}", now, told)
    return told


async def without_end(connection: Connection, events: EventLog, first_sequence: int) -> list[tuple[str, str]]:
    """Project and id of each execution that is open here, while EVENTS holds nothing of it. Raises Unavailable."""
    found = []
    for row in await connection.fetch(_SQL["left_behind"], first_sequence, _AT_MOST):
        with contextlib.suppress(BrokenLog):
            if await events.read(row["project"], str(row["id"]), route=row["route"]) is None:
                found.append((row["project"], str(row["id"])))
    return found


async def note_found(
    connection: Connection,
    lost: Iterable[tuple[str, str, str]],
    without: Iterable[tuple[str, str]],
    now: datetime,
) -> None:
    """Keeps what a look at all of it has found, in place of what the last one found."""
    ends = [(id, project, _END_LOST) for project, id in without]
    async with connection.transaction():
        await connection.execute(_SQL["forget_found"])
        for kind, found in ((IN_LOG, list(lost)), (OF_END, ends)):
            if found:
                await connection.execute(_SQL["note_found"], kind, now, *map(list, zip(*found, strict=True)))


async def take_note(connection: Connection) -> list[str]:
    """What was missed, for the last time: whoever asks has been told."""
    return [row["detail"] for row in await connection.fetch(_SQL["take_note"])]


class LossAnswers:
    """The question `losses`: what the last look has found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def losses(self, data: bytes) -> list[LossView]:
        """Of one project, and what concerns all."""
        asked = msgspec.json.decode(data, type=_Asked)
        found: list[Any] = await self._database.ask(_SQL["told"], asked.project, _SHOWN)
        return [LossView(**row) for row in found]
