"""The state machine: which event may follow which state, and what it makes of it. No clock, no I/O.

`advance` is the one fold of a log; the gateway, the workers and the projection all use it.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution, Progress, Status, Wait

PENDING, RUNNING, COMPLETED, FAILED, CANCELLED = Status

TRANSITIONS: dict[tuple[Status, type[ev.Event]], Status] = {
    (PENDING, ev.Started): RUNNING,
    (PENDING, ev.Failed): FAILED,
    (PENDING, ev.Cancelled): CANCELLED,
    (RUNNING, ev.Started): RUNNING,
    (RUNNING, ev.CheckpointReached): RUNNING,
    (RUNNING, ev.StepFailed): RUNNING,
    (RUNNING, ev.Progressed): RUNNING,
    (RUNNING, ev.OutputGenerated): RUNNING,
    (RUNNING, ev.Slept): RUNNING,
    (RUNNING, ev.QuestionAsked): RUNNING,
    (RUNNING, ev.Suspended): RUNNING,
    (RUNNING, ev.Answered): RUNNING,
    (RUNNING, ev.AttemptFailed): RUNNING,
    (RUNNING, ev.Recovered): RUNNING,
    (RUNNING, ev.Released): RUNNING,
    (RUNNING, ev.CancelRequested): RUNNING,
    (RUNNING, ev.Completed): COMPLETED,
    (RUNNING, ev.Failed): FAILED,
    (RUNNING, ev.Cancelled): CANCELLED,
    (FAILED, ev.RetryRequested): PENDING,
    (CANCELLED, ev.RetryRequested): PENDING,
}

BY_OWNER: tuple[type[ev.Event], ...] = (
    ev.CheckpointReached, ev.StepFailed, ev.Progressed, ev.OutputGenerated, ev.Slept, ev.QuestionAsked, ev.Suspended,
    ev.AttemptFailed, ev.Released, ev.Completed,
)  # fmt: skip
"""Only the worker that holds the execution appends these, and not once a cancel was asked for."""


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
    guard = _GUARDS.get(type(event))
    if guard is not None and (why := guard(state, event)) is not None:
        return Refused(why)
    changes = _CHANGES[type(event)](state, event)
    return msgspec.structs.replace(
        state, n=event.n, status=status, updated_at=event.at, routes=event.routes or state.routes, **changes
    )


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


def _begin(event: ev.AnyEvent) -> Execution | Refused:
    if isinstance(event, ev.Carried):
        if event.part != 1:
            raise BrokenLog(
                f"execution {event.execution_id}: the log begins at part {event.part} of a carried state"
            )
        state = msgspec.json.decode(event.state, type=Execution)
        return msgspec.structs.replace(state, n=event.n, routes=event.routes or state.routes)
    if event.n != 1:
        raise BrokenLog(f"execution {event.execution_id}: the log begins at {event.n}")
    if not isinstance(event, ev.Submitted):
        return Refused(f"{ev.event_type(event)} may not begin a log")
    if not event.routes:
        return Refused("no route says where it waits")
    return Execution(
        id=event.execution_id, project=event.project, n=1, status=PENDING,
        reason="queued" if event.wake else "delayed", ready=event.wake is not None, ready_by=1 if event.wake else 0,
        task=event.task, task_id=event.task_id, queue=event.queue, route=event.routes[0], routes=event.routes,
        created_at=event.at, updated_at=event.at, input=event.input, environment=event.environment,
        priority=event.priority, labels=event.labels, retry=event.retry, timeouts=event.timeouts, source=event.source,
        submitted_by=event.actor, fingerprint=event.fingerprint, parent_id=event.parent_id,
        root_id=event.root_id or event.execution_id, retried_from=event.retried_from, agent_id=event.agent_id,
        team_id=event.team_id, due=event.due, asked_due=1 if event.due else None, trace=event.trace,
    )  # fmt: skip


def _may_start(state: Execution, event: ev.Started) -> str | None:
    if not (state.ready or (event.fired is not None and event.fired == state.asked_due)):
        return f"not runnable: {state.reason}"
    if state.cancelling:
        return "a cancel was asked for"
    expected = state.attempt + (0 if state.resumes else 1)
    return None if event.attempt == expected else f"attempt {event.attempt} is not {expected}"


def _may_own(state: Execution, event: ev.Event) -> str | None:
    if not state.held:
        return "no worker holds it"
    if state.cancelling:
        return "a cancel was asked for"
    if getattr(event, "attempt", state.attempt) != state.attempt:
        return f"attempt {state.attempt} runs"
    return None


def _is_held(state: Execution, _: ev.Event) -> str | None:
    return None if state.held else "no worker holds it"


def _may_request_cancel(state: Execution, _: ev.CancelRequested) -> str | None:
    if state.cancelling:
        return "a cancel was asked for"
    return None if state.held else "no worker holds it"


def _may_answer(state: Execution, event: ev.Answered) -> str | None:
    wait = state.waits.get(event.wait)
    if wait is None or wait.kind != "question" or wait.done:
        return "no such open question"
    return "a cancel was asked for" if state.cancelling else None


def _may_fail(state: Execution, _: ev.Failed) -> str | None:
    return "a cancel was asked for" if state.cancelling else None


def _may_cancel(state: Execution, _: ev.Cancelled) -> str | None:
    return "a worker holds it, and no cancel was asked for" if state.held and not state.cancelling else None


_GUARDS: dict[type[ev.Event], Callable[[Execution, Any], str | None]] = {
    **dict.fromkeys(BY_OWNER, _may_own),
    ev.Started: _may_start,
    ev.Recovered: _is_held,
    ev.CancelRequested: _may_request_cancel,
    ev.Answered: _may_answer,
    ev.Failed: _may_fail,
    ev.Cancelled: _may_cancel,
}


_LET_GO: dict[str, Any] = {"worker_id": None, "connection": None, "work_sequence": None, "ack_subject": None}
_NO_TIMER: dict[str, Any] = {"due": None, "asked_due": None}


def _started(s: Execution, e: ev.Started) -> dict[str, Any]:
    return {
        "reason": "executing", "ready": False, "attempt": e.attempt, "resumes": False, "worker_id": e.worker_id,
        "connection": e.connection, "work_sequence": e.work_sequence, "ack_subject": e.ack_subject,
        "waits": s.waits if e.fired is None else _elapsed(s),
        "first_started_at": s.first_started_at or e.at, "started_at": e.at, **_NO_TIMER,
    }  # fmt: skip


def _elapsed(s: Execution) -> dict[str, Wait]:
    # The timer that fired was set for the earliest end: what ends by then is over (PROTOCOL M2, no clock compared).
    return {
        key: msgspec.structs.replace(wait, done=True)
        if wait.until and s.due and wait.until <= s.due
        else wait
        for key, wait in s.waits.items()
    }


def _checkpoint(s: Execution, e: ev.CheckpointReached) -> dict[str, Any]:
    return {"recoveries": 0}


def _unchanged(s: Execution, e: ev.Event) -> dict[str, Any]:
    return {}


def _progressed(s: Execution, e: ev.Progressed) -> dict[str, Any]:
    return {"progress": Progress(fraction=e.fraction, message=e.message)}


def _slept(s: Execution, e: ev.Slept) -> dict[str, Any]:
    # Said twice by an append whose outcome was unknown, a wait stays what it has become.
    return {"waits": {**s.waits, e.wait: s.waits.get(e.wait) or Wait(kind="sleep", until=e.until)}}


def _asked(s: Execution, e: ev.QuestionAsked) -> dict[str, Any]:
    wait = Wait(kind="question", text=e.text, choices=e.choices, schema=e.schema, asked_at=e.at)
    return {"waits": {**s.waits, e.wait: s.waits.get(e.wait) or wait}}


def _suspended(s: Execution, e: ev.Suspended) -> dict[str, Any]:
    asked = e.n if e.due else None
    return {"reason": e.reason, "ready": False, "resumes": True, "due": e.due, "asked_due": asked, **_LET_GO}


def _answered(s: Execution, e: ev.Answered) -> dict[str, Any]:
    answer = msgspec.structs.replace(s.waits[e.wait], done=True, answer=e.answer, answered_by=e.actor)
    # Between two attempts the timer still decides when the next one begins: the answer is only kept.
    woken = (
        {"ready": True, "ready_by": e.n, "reason": "waiting_for_worker"} if s.resumes and not s.ready else {}
    )
    return {"waits": {**s.waits, e.wait: answer}, **woken}


def _attempt_failed(s: Execution, e: ev.AttemptFailed) -> dict[str, Any]:
    return {
        "reason": "retrying", "ready": False, "failures": s.failures + 1, "recoveries": 0, "error": e.error,
        "due": e.due, "asked_due": e.n, **_LET_GO,
    }  # fmt: skip


def _recovered(s: Execution, e: ev.Recovered) -> dict[str, Any]:
    return {
        "reason": "recovering", "ready": True, "ready_by": e.n, "recoveries": s.recoveries + 1, **_LET_GO, **_NO_TIMER,
    }  # fmt: skip


def _released(s: Execution, e: ev.Released) -> dict[str, Any]:
    return {
        "reason": "waiting_for_worker", "ready": True, "ready_by": e.n, "resumes": True, **_LET_GO, **_NO_TIMER,
    }  # fmt: skip


def _cancel_requested(s: Execution, e: ev.CancelRequested) -> dict[str, Any]:
    return {"reason": "cancelling", "cancelling": True, "cancel_because": e.because}


def _end(s: Execution) -> dict[str, Any]:
    # What was slept and answered stays known to a later life; what was still open is over.
    over = {key: wait for key, wait in s.waits.items() if wait.done}
    return {"ready": False, "resumes": False, "cancelling": False, "waits": over, **_NO_TIMER}


def _completed(s: Execution, e: ev.Completed) -> dict[str, Any]:
    return {"reason": None, "output": e.output, "error": None, "completed_at": e.at, **_end(s)}


def _failed(s: Execution, e: ev.Failed) -> dict[str, Any]:
    return {"reason": e.reason, "error": e.error, "completed_at": e.at, **_end(s)}


def _cancelled(s: Execution, e: ev.Cancelled) -> dict[str, Any]:
    return {"reason": e.because or s.cancel_because, "completed_at": e.at, **_end(s)}


def _retry_requested(s: Execution, e: ev.RetryRequested) -> dict[str, Any]:
    return {
        "reason": "queued", "ready": True, "ready_by": e.n, "failures": 0, "recoveries": 0, "lives": s.lives + 1,
        "completed_at": None,
        "error": None, "output": None, "progress": None, "fresh_from": e.n if e.fresh else s.fresh_from,
        "waits": {} if e.fresh else s.waits, "cancel_because": None, **_LET_GO,
    }  # fmt: skip


_CHANGES: dict[type[ev.Event], Callable[[Execution, Any], dict[str, Any]]] = {
    ev.Started: _started,
    ev.CheckpointReached: _checkpoint,
    ev.StepFailed: _unchanged,
    ev.Progressed: _progressed,
    ev.OutputGenerated: _unchanged,
    ev.Slept: _slept,
    ev.QuestionAsked: _asked,
    ev.Suspended: _suspended,
    ev.Answered: _answered,
    ev.AttemptFailed: _attempt_failed,
    ev.Recovered: _recovered,
    ev.Released: _released,
    ev.CancelRequested: _cancel_requested,
    ev.Completed: _completed,
    ev.Failed: _failed,
    ev.Cancelled: _cancelled,
    ev.RetryRequested: _retry_requested,
}
