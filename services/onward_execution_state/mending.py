"""Brings back into the log what it has lost and Postgres still has (`onward admin mend`).

Where the end of a log is lost, the same events are appended again, under its fence. Where a hole is left, a `carried`
is appended that stands for all before it (PROTOCOL T2). What has gone on another way since is left alone, and named.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from onward.bus.ports import EventLog
from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.decide import Moment
from onward.contract.errors import BrokenLog, FenceLost
from onward.contract.log import Decision, Log
from onward_execution_state import store
from onward_execution_state.database import Connection
from onward_execution_state.fold import Arrived, fold_again
from onward_execution_state.losses import Loss
from onward_execution_state.store import Source

_AT_ONCE = 50


class Mended(msgspec.Struct, frozen=True):
    """What became of one execution."""

    execution_id: str
    what: str
    whole: bool = True


async def mend(
    connection: Connection, events: EventLog, lost: Iterable[Loss], new_id: Callable[[], str], now: datetime
) -> list[Mended]:
    """What became of each execution of which something is lost. Raises Unavailable."""
    projects = {loss.execution_id: loss.project for loss in lost}
    done = []
    for execution_id, project in projects.items():
        stored = (await store.stored_events(connection, [execution_id])).get(execution_id, [])
        try:
            what = await _mend(
                events, project, execution_id, stored, Moment(now=now, new_id=new_id, actor="mend")
            )
            done.append(Mended(execution_id, what))
        except (FenceLost, BrokenLog) as error:
            done.append(Mended(execution_id, f"not mended: {error}", whole=False))
    return done


async def read_again(connection: Connection, source: Source, now: datetime) -> None:
    """Has the projection read the whole log once more: what came after the loss may stand where it has been already."""
    position = await store.position(connection, source, now)
    await store.move_position(connection, source, position, 0, now)


async def _mend(
    events: EventLog, project: str, execution_id: str, stored: list[Arrived], moment: Moment
) -> str:
    try:
        found = await events.read(project, execution_id)
    except BrokenLog:
        return await _bridge(events, project, execution_id, stored, moment)
    try:
        return await _append_again(events, project, execution_id, stored, found)
    except FenceLost as lost:
        # A lost event may have been the one that names where the next ones stand: there is a hole behind what was read.
        if not await _stands_at(events, lost.floor, stored[-1].event.id):
            raise
        return await _bridge(events, project, execution_id, stored, moment)


async def _append_again(
    events: EventLog, project: str, execution_id: str, stored: list[Arrived], found: Log | None
) -> str:
    reached, expected = (found.execution.n, found.sequence) if found else (0, 0)
    here = {item.event.n: item.event.id for item in stored}
    if found is not None and here.get(reached) != found.stored[-1].event.id:
        raise BrokenLog(f"it has gone on another way since: its event {reached} is not the one in Postgres")
    missing = [item.event for item in stored if item.event.n > reached]
    follows = here.get(reached)
    for start in range(0, len(missing), _AT_ONCE):
        some = tuple(missing[start : start + _AT_ONCE])
        decision = Decision(project=project, execution_id=execution_id, expected=expected, events=some)
        expected = await _append(events, decision, follows)
        follows = some[-1].id
    return f"{len(missing)} events are appended again"


async def _append(events: EventLog, decision: Decision, follows: str | None) -> int:
    """Appends behind the event `follows`, wherever that stands.

    A server that has lost the last message of a log knows of none there, or of an earlier one; and what was appended
    again stands elsewhere than Postgres says.
    """
    try:
        return await events.append(decision)
    except FenceLost as lost:
        if lost.floor >= decision.expected and not await _stands_at(events, lost.floor, follows):
            raise
        return await events.append(msgspec.structs.replace(decision, expected=lost.floor))


async def _stands_at(events: EventLog, sequence: int, event_id: str | None) -> bool:
    found = await events.scan(sequence - 1, 1)
    return bool(found) and found[0].sequence == sequence and ev.decode(found[0].data).id == event_id


async def _bridge(
    events: EventLog, project: str, execution_id: str, stored: list[Arrived], moment: Moment
) -> str:
    known, _ = fold_again(stored)
    if known is None or known.state.n != stored[-1].event.n:
        raise BrokenLog("Postgres has no whole history of it either")
    told: list[ev.AnyEvent] = [item.event for item in stored]
    decision = Decision(
        project=project,
        execution_id=execution_id,
        expected=known.sequence,
        events=carry(known.state, told, moment),
    )
    await _append(events, decision, told[-1].id)
    return f"its state after event {known.state.n} is appended, and stands for all before"
