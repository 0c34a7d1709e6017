"""TIMERS: one message schedule for each due time and each deadline that an event names (PROTOCOL M1-M3)."""

import logging
from datetime import UTC, datetime

import msgspec

from onward.bus.api import ack_decoder, call
from onward.bus.connection import Connection
from onward.bus.hint_body import Fired, Timer
from onward.bus.names import check_log
from onward.bus.wire import NO_RESPONDERS, block
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import Unavailable

log = logging.getLogger("onward.bus")

BAD_REQUEST = 400


async def schedule(connection: Connection, event: ev.AnyEvent, sequence: int) -> bool:
    """Set the timers that `event`, stored at `sequence`, asks for; a time in the past fires at once.

    False: it asks for none, or for one that the server will never take, which is logged. Raises Unavailable.
    """
    asked: list[tuple[str | None, datetime]] = list(event.deadlines.items())
    if event.due is not None and event.routes:
        asked.append((None, event.due))
    taken = [await _set(connection, event, sequence, kind, at) for kind, at in asked]
    return bool(taken) and all(taken)


async def _set(
    connection: Connection, event: ev.AnyEvent, sequence: int, kind: str | None, due: datetime
) -> bool:
    timer = Timer(event.project, event.execution_id, event.n, sequence, kind)
    route = event.routes[-1] if kind is None else f"{subjects.DEADLINES}.{kind}"
    at = due.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    headers = block(
        ("Nats-Schedule", f"@at {at}Z"),
        ("Nats-Schedule-Target", subjects.due(event.project, route, event.execution_id)),
    )
    reply = await connection.request(
        subjects.timer(event.project, event.execution_id, sequence, kind),
        msgspec.json.encode(Fired(timer)),
        headers=headers,
    )
    if reply.status == NO_RESPONDERS:
        raise Unavailable("TIMERS does not answer: no stream, or no leader yet", retry_after=1)
    problem = ack_decoder.decode(reply.data).error
    if problem is None:
        return True
    if problem.code != BAD_REQUEST:
        raise Unavailable(f"TIMERS: {problem.description}", retry_after=1)
    log.error(
        "the timer of event %s (%s, due %s) is skipped: %s",
        sequence,
        event.execution_id,
        at,
        problem.description,
    )
    return False


async def purge(connection: Connection, project: str, execution_id: str) -> int:
    """Remove all timers of an execution; how many there were."""
    check_log(project, execution_id)
    body = {"filter": subjects.timers_of(project, execution_id)}
    return int((await call(connection, f"STREAM.PURGE.{subjects.TIMERS}", body))["purged"])
