"""Fired deadlines: taken from WORK by a consumer of their own, over all projects, and acted upon."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from onward.bus.connection import Connection
from onward.bus.follow import Delivery, Following
from onward.bus.hint_body import hint_of
from onward.bus.ports import EventLog
from onward.bus.topology import NANOS, make_consumer
from onward.contract import decide, subjects
from onward.contract.decide import Hint, Moment
from onward.contract.errors import BrokenLog, FenceLost, Unavailable
from onward.contract.log import Decision

log = logging.getLogger("onward.bus")

CONSUMER = "deadlines"
AGAIN = 5.0
"""Seconds until one is looked at again whose execution a worker holds: that worker is to end it."""
_BATCH = 100

Act = Callable[[Hint], Awaitable[bool]]


async def follow_deadlines(connection: Connection, act: Act) -> None:
    """Hand each fired deadline to `act`, for ever; where it says False, or raises, the deadline comes again."""
    settings = {
        "filter_subject": subjects.ALL_DEADLINES, "ack_wait": int(AGAIN * NANOS), "max_ack_pending": 10_000,
        "max_waiting": 64,
    }  # fmt: skip
    await make_consumer(connection, subjects.WORK, CONSUMER, settings)
    following = Following(connection, CONSUMER, _BATCH, stream=subjects.WORK)
    try:
        while True:
            taken = await following.next()
            done = await asyncio.gather(*(_acted(delivery, act) for delivery in taken))
            following.done([delivery for delivery, is_done in zip(taken, done, strict=True) if is_done])
    finally:
        await following.close([])


async def _acted(delivery: Delivery, act: Act) -> bool:
    raw, ack_subject = delivery
    try:
        hint = hint_of(raw.subject, ack_subject, b"", raw.data)
    except ValueError:
        log.exception("an unreadable deadline on %s is dropped", raw.subject)
        return True
    try:
        return await act(hint)
    except Unavailable as error:
        log.warning("the deadline of %s comes again: %s", hint.execution_id, error)
        return False


async def end_overdue(events: EventLog, hint: Hint, moment: Callable[[], Moment]) -> bool:
    """Whether a fired deadline is dealt with; False: its owner is to end it, look again soon. Raises Unavailable."""
    kind = hint.route.partition(".")[2]
    try:
        found = await events.read(hint.project, hint.execution_id, floor=hint.floor)
        while found is not None:
            made = decide.overdue(found.execution, moment(), kind, hint.n)
            if not made:
                return made is not None
            decision = Decision(
                project=hint.project, execution_id=hint.execution_id, expected=found.sequence, events=made
            )
            try:
                await events.append(decision)
            except FenceLost as lost:
                found = await events.read_on(found, floor=lost.floor)
            else:
                return True
    except BrokenLog:
        log.exception("broken log: left to the reconciler")
    return True
