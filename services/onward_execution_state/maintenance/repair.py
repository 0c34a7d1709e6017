"""What an open execution needs so that it goes on, whether it is there, and how it is brought back."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from onward.bus import fenced, streams, timers
from onward.bus.connection import Connection as NatsConnection
from onward.bus.ports import EventLog, Messages
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.decide import Moment, owner_silent
from onward.contract.execution import Execution
from onward.contract.log import Decision, Log
from onward_execution_state.workers import Workers

HINT_AGAIN, TIMER_AGAIN, DEADLINE_AGAIN = "hint_again", "timer_again", "deadline_again"
OWNER_LOST = "owner_lost"

ASK_SECONDS = 0.5
_AT_ONCE = 64


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps an open execution going: a hint, a worker, or a timer; and what ends it in time: its deadlines."""

    project: str
    execution_id: str
    route: str
    ready: bool
    worker_id: str | None
    due: datetime | None
    deadlines: dict[str, datetime] = {}
    """By kind; while a worker holds it, that worker keeps to them."""


class _Holding(msgspec.Struct):
    """What a worker says when it is asked about an execution."""

    holds: bool = False


def need_of(state: Execution) -> Need | None:
    """What this execution needs; None when it has ended, or is paused and held by nobody."""
    if state.ended or (state.paused and not state.held):
        return None
    return Need(
        project=state.project,
        execution_id=state.id,
        route=state.route,
        ready=state.ready,
        worker_id=state.worker_id,
        due=state.due,
        deadlines=state.deadlines,
    )


class Repairer:
    """Looks into WORK and at the workers, and brings back what is lost. Every act is safe when it was not needed."""

    def __init__(
        self,
        connection: NatsConnection,
        *,
        events: EventLog,
        messages: Messages,
        workers: Workers,
        new_id: Callable[[], str],
        ack_wait: timedelta,
    ) -> None:
        self._nats = connection
        self._events = events
        self._messages = messages
        self._workers = workers
        self._new_id = new_id
        self._ack_wait = ack_wait
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def lacks(self, need: Need, now: datetime) -> bool:
        """Whether nothing will move it on: cheap, and no proof."""
        if await self._missed(need, now):
            return True
        if need.worker_id is not None:
            if self._workers.holds(need.worker_id, need.execution_id, now):
                return False
        elif not need.ready and (need.due is None or now - need.due < self._ack_wait):
            # It waits for a person, or its time has not come.
            return False
        return not await self._hinted(need, need.route)

    async def repair(self, need: Need, found: Log, now: datetime) -> tuple[str, str] | None:
        """Brings back what it needs, as its log says: the kind of repair and its detail, or None: all is well."""
        state = found.execution
        if state.held:
            return await self._recover(found, now)
        if missed := await self._missed(need, now):
            for kind in missed:
                await timers.schedule(self._nats, _limited(found, kind), found.sequence)
            return DEADLINE_AGAIN, f"over its {' and '.join(missed)} limit, and not ended"
        if state.ready:
            wake = _last_wake(found)
            sequence = await streams.hint_directly(self._nats, wake, found.sequence)
            return HINT_AGAIN, f"no hint waited in {need.route}; put back as {sequence}"
        event, sequence = _asked(found)
        await timers.schedule(self._nats, event, sequence)
        return TIMER_AGAIN, f"due {need.due}, and not woken"

    async def _recover(self, found: Log, now: datetime) -> tuple[str, str] | None:
        state = found.execution
        worker = state.worker_id or ""
        if await self._owner_holds(worker, state.id):
            return None
        moment = Moment(now=now, new_id=self._new_id, actor="reconciler")
        decision = Decision(
            project=state.project,
            execution_id=state.id,
            expected=found.sequence,
            events=owner_silent(state, moment),
        )
        await self._events.append(decision)
        return OWNER_LOST, f"worker {worker} does not hold it any more, and its hint is gone"

    async def _owner_holds(self, worker_id: str, execution_id: str) -> bool:
        question = msgspec.json.encode({"execution_id": execution_id})
        reply = await self._messages.ask(subjects.owner(worker_id), question, timeout=ASK_SECONDS)
        try:
            return reply is not None and msgspec.json.decode(reply, type=_Holding).holds
        except msgspec.MsgspecError:
            return False

    async def _missed(self, need: Need, now: datetime) -> list[str]:
        """The kinds of limits that nobody holds it to, though their time has come."""
        if need.worker_id is not None:
            return []
        over = [kind for kind, at in need.deadlines.items() if now - at >= self._ack_wait]
        return [kind for kind in over if not await self._hinted(need, f"{subjects.DEADLINES}.{kind}")]

    async def _hinted(self, need: Need, route: str) -> bool:
        subject = subjects.hint(need.project, route, need.execution_id)
        async with self._few:
            return await fenced.last(self._nats, subjects.WORK, subject) is not None


def _last_wake(found: Log) -> ev.AnyEvent:
    """The event to hint with: the newest that woke it, or any that names the route."""
    events = [stored.event for stored in found.stored]
    return next((event for event in reversed(events) if event.wake == found.execution.route), events[-1])


def _asked(found: Log) -> tuple[ev.AnyEvent, int]:
    """The event whose timer is awaited, and its sequence; where it was purged, one that stands for it."""
    state = found.execution
    for stored in found.stored:
        if stored.event.n == state.asked_due and stored.event.due is not None:
            return stored.event, stored.sequence
    last = found.stored[-1]
    stand_in = ev.Suspended(
        id=last.event.id, project=state.project, execution_id=state.id, n=state.asked_due or 0,
        at=last.event.at, routes=state.routes, due=state.due, reason=state.reason or "",
    )  # fmt: skip
    return stand_in, last.sequence


def _limited(found: Log, kind: str) -> ev.AnyEvent:
    """An event that stands for the one which set this deadline: of the same n, so that its timer still counts."""
    state, last = found.execution, found.stored[-1].event
    return ev.Suspended(
        id=last.id, project=state.project, execution_id=state.id, n=state.asked_deadlines[kind], at=last.at,
        routes=state.routes, deadlines={kind: state.deadlines[kind]}, reason=state.reason or "",
    )  # fmt: skip
