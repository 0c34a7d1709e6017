"""The state machine: which event may follow which state, and what it makes of it. No clock, no I/O.

`advance` is the one fold of a log; the gateway, the workers and the projection all use it.
"""

from collections.abc import Iterable

import msgspec

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle.changes import CHANGES
from onward.contract.lifecycle.guards import GUARDS

PENDING, RUNNING, COMPLETED, FAILED, CANCELLED = Status

TRANSITIONS: dict[tuple[Status, type[ev.Event]], Status] = {
    (PENDING, ev.Started): RUNNING,
    (PENDING, ev.Failed): FAILED,
    (PENDING, ev.Cancelled): CANCELLED,
    (PENDING, ev.CancelRequested): PENDING,
    (PENDING, ev.Compensating): PENDING,
    (PENDING, ev.EventReceived): PENDING,
    (PENDING, ev.ChildrenDone): PENDING,
    (PENDING, ev.StepEdited): PENDING,
    (PENDING, ev.Paused): PENDING,
    (PENDING, ev.Resumed): PENDING,
    (PENDING, ev.Amended): PENDING,
    (PENDING, ev.Moved): PENDING,
    (PENDING, ev.Queued): PENDING,
    (PENDING, ev.Admitted): PENDING,
    (PENDING, ev.Gated): PENDING,
    (RUNNING, ev.Started): RUNNING,
    (RUNNING, ev.CheckpointReached): RUNNING,
    (RUNNING, ev.StepStarted): RUNNING,
    (RUNNING, ev.StepFailed): RUNNING,
    (RUNNING, ev.StepEdited): RUNNING,
    (RUNNING, ev.Drifted): RUNNING,
    (RUNNING, ev.Progressed): RUNNING,
    (RUNNING, ev.OutputGenerated): RUNNING,
    (RUNNING, ev.Slept): RUNNING,
    (RUNNING, ev.QuestionAsked): RUNNING,
    (RUNNING, ev.QuestionReminded): RUNNING,
    (RUNNING, ev.EventAwaited): RUNNING,
    (RUNNING, ev.EventReceived): RUNNING,
    (RUNNING, ev.WaitExpired): RUNNING,
    (RUNNING, ev.ChildrenSpawned): RUNNING,
    (RUNNING, ev.ChildrenDone): RUNNING,
    (RUNNING, ev.Suspended): RUNNING,
    (RUNNING, ev.Answered): RUNNING,
    (RUNNING, ev.AttemptFailed): RUNNING,
    (RUNNING, ev.Recovered): RUNNING,
    (RUNNING, ev.Released): RUNNING,
    (RUNNING, ev.Paused): RUNNING,
    (RUNNING, ev.Resumed): RUNNING,
    (RUNNING, ev.Amended): RUNNING,
    (RUNNING, ev.Moved): RUNNING,
    (RUNNING, ev.Queued): RUNNING,
    (RUNNING, ev.Admitted): RUNNING,
    (RUNNING, ev.Gated): RUNNING,
    (RUNNING, ev.CancelRequested): RUNNING,
    (RUNNING, ev.Compensating): RUNNING,
    (RUNNING, ev.Completed): COMPLETED,
    (RUNNING, ev.Failed): FAILED,
    (RUNNING, ev.Cancelled): CANCELLED,
    (FAILED, ev.RetryRequested): PENDING,
    (FAILED, ev.StepEdited): FAILED,
    (FAILED, ev.CancelRequested): RUNNING,
    (FAILED, ev.Cancelled): CANCELLED,
    (CANCELLED, ev.RetryRequested): PENDING,
    (CANCELLED, ev.StepEdited): CANCELLED,
}


class Refused(msgspec.Struct, frozen=True):
    """The event may not follow this state."""

    because: str


def advance(state: Execution | None, event: ev.AnyEvent) -> Execution | Refused:
    """The execution after `event`. Raises BrokenLog where an ordinal is missing."""
    if state is None:
        return _begin(event)
    if event.n != state.n + 1:
        raise BrokenLog(f"execution {state.id}: event {event.n} follows {state.n}")
    if isinstance(event, ev.Unknown | ev.Carried):
        return msgspec.structs.replace(state, n=event.n, routes=event.routes or state.routes)
    status = TRANSITIONS.get((state.status, type(event)))
    if status is None:
        return Refused(f"{ev.event_type(event)} may not follow {state.status}")
    guard = GUARDS.get(type(event))
    if guard is not None and (why := guard(state, event)) is not None:
        return Refused(why)
    changes = CHANGES[type(event)](state, event)
    after = msgspec.structs.replace(
        state, n=event.n, status=status, updated_at=event.at, routes=event.routes or state.routes, **changes
    )
    return _shown_as_paused(after) if after.paused else after


def _shown_as_paused(state: Execution) -> Execution:
    """While it is paused and nobody holds it, that is the reason; the other one comes back when it is resumed."""
    if state.held or state.ended or state.reason == "paused":
        return state
    return msgspec.structs.replace(state, reason="paused", paused_from=state.reason)


def fold(events: Iterable[ev.AnyEvent], state: Execution | None = None) -> Execution:
    """The execution a whole log makes. Raises BrokenLog for a hole, a bad start or an illegal event."""
    for event in events:
        after = advance(state, event)
        if isinstance(after, Refused):
            raise BrokenLog(f"execution {event.execution_id}: event {event.n}: {after.because}")
        state = after
    if state is None:
        raise BrokenLog("an empty log")
    return state


def _waits_for(event: ev.Submitted) -> str:
    if event.wake is None:
        return "delayed"
    return "limited" if event.limits else "queued"


def _begin(event: ev.AnyEvent) -> Execution | Refused:
    if isinstance(event, ev.Carried):
        if event.part != 1:
            raise BrokenLog(
                f"execution {event.execution_id}: the log begins at part {event.part} of a carried state"
            )
        try:
            state = msgspec.json.decode(event.state, type=Execution)
        except (ValueError, RecursionError) as error:
            raise BrokenLog(f"execution {event.execution_id}: the carried state: {error}") from None
        return msgspec.structs.replace(state, n=event.n, routes=event.routes or state.routes)
    if event.n != 1:
        raise BrokenLog(f"execution {event.execution_id}: the log begins at {event.n}")
    if not isinstance(event, ev.Submitted):
        return Refused(f"{ev.event_type(event)} may not begin a log")
    if not event.routes:
        return Refused("no route says where it waits")
    return Execution(
        id=event.execution_id, project=event.project, n=1, status=PENDING,
        reason=_waits_for(event), ready=event.wake is not None, ready_by=1 if event.wake else 0,
        task=event.task, task_id=event.task_id, queue=event.queue, route=event.routes[-1], routes=event.routes,
        created_at=event.at, updated_at=event.at, life_from=event.due or event.at,
        input=event.input, environment=event.environment,
        priority=event.priority, labels=event.labels, retry=event.retry, timeouts=event.timeouts, source=event.source,
        origin=event.origin, scheduled_at=event.scheduled_at,
        submitted_by=event.actor, fingerprint=event.fingerprint, parent_id=event.parent_id,
        root_id=event.root_id or event.execution_id, retried_from=event.retried_from, agent_id=event.agent_id,
        team_id=event.team_id, child_of=event.child_of, on_exhausted=event.on_exhausted, agent=event.agent,
        then=event.then, triggered_by=event.triggered_by, due=event.due,
        asked_due=1 if event.due else None, deadlines=event.deadlines,
        asked_deadlines=dict.fromkeys(event.deadlines, 1), limits=event.limits, trace=event.trace,
        retention=event.retention,
    )  # fmt: skip
