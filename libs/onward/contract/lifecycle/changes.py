"""What each event makes of an execution: the fields it sets. No clock, no I/O."""

from collections.abc import Callable
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Ending, Execution, Progress
from onward.contract.lifecycle import admission, moving, waiting
from onward.contract.lifecycle.guards import UNDO
from onward.contract.triggers import remembered

_LET_GO: dict[str, Any] = {"worker_id": None, "connection": None, "work_sequence": None, "ack_subject": None}
_NO_TIMER: dict[str, Any] = {"due": None, "asked_due": None}
_NO_PAUSE: dict[str, Any] = {"paused": False, "paused_from": None}
"""What is stopped or undone is not held up by a pause, or nobody could finish it."""
_NO_WANTS: dict[str, Any] = {"wants": {}, "tolerates": {}}


def _unchanged(s: Execution, e: ev.Event) -> dict[str, Any]:
    return {}


def _started(s: Execution, e: ev.Started) -> dict[str, Any]:
    return {
        "reason": "undoing" if s.undoing else "executing", "ready": False, "attempt": e.attempt, "resumes": False,
        "worker_id": e.worker_id, "connection": e.connection, "work_sequence": e.work_sequence,
        "ack_subject": e.ack_subject, "waits": s.waits if e.fired is None else waiting.elapsed(s),
        "deadlines": {kind: at for kind, at in s.deadlines.items() if kind != "queue"},
        "first_started_at": s.first_started_at or e.at, "started_at": e.at, "task_version": e.version,
        "life_started_at": s.life_started_at or (e.at if s.lives > 1 else None), **_NO_WANTS, **_NO_TIMER,
    }  # fmt: skip


def step_id(e: Any) -> str:
    """One step within its execution, as a key: scope, name and key."""
    return f"{e.scope}|{e.name}|{e.key}"


def _checkpoint(s: Execution, e: ev.CheckpointReached) -> dict[str, Any]:
    changes: dict[str, Any] = {"recoveries": 0}
    key = step_id(e)
    if key in s.in_doubt:
        changes["in_doubt"] = {other: n for other, n in s.in_doubt.items() if other != key}
    if e.kind == "undo":
        changes["undoable"] = {other: n for other, n in s.undoable.items() if other != key}
    elif e.undo is not None:
        changes["undoable"] = {**s.undoable, key: e.n}
    return changes


def _step_started(s: Execution, e: ev.StepStarted) -> dict[str, Any]:
    return {"in_doubt": {**s.in_doubt, step_id(e): e.n}}


def _step_failed(s: Execution, e: ev.StepFailed) -> dict[str, Any]:
    if e.scope == UNDO:
        # Given up, it is as good as done: the next one is tried by as many workers.
        return {"recoveries": 0} if e.delay_ms is None else {}
    # Its outcome is known: it did not happen.
    return {"in_doubt": {other: n for other, n in s.in_doubt.items() if other != step_id(e)}}


def _step_edited(s: Execution, e: ev.StepEdited) -> dict[str, Any]:
    return {"in_doubt": {other: n for other, n in s.in_doubt.items() if other != step_id(e)}}


def _drifted(s: Execution, e: ev.Drifted) -> dict[str, Any]:
    return {"drifted": s.drifted + 1}


def _progressed(s: Execution, e: ev.Progressed) -> dict[str, Any]:
    return {"progress": Progress(fraction=e.fraction, message=e.message)}


def _suspended(s: Execution, e: ev.Suspended) -> dict[str, Any]:
    asked = e.n if e.due else None
    stopped = e.reason == "paused"
    return {
        "reason": "waiting_for_worker" if stopped else e.reason, "ready": stopped,
        "ready_by": e.n if stopped else s.ready_by, "resumes": True, "due": e.due, "asked_due": asked,
        "wants": e.children, "tolerates": e.tolerates, **_LET_GO, **admission.given_back(s, e.gives_back),
    }  # fmt: skip


def _attempt_failed(s: Execution, e: ev.AttemptFailed) -> dict[str, Any]:
    # Without a due time a person was asked what to do.
    return {
        "reason": "retrying" if e.due else "waiting_for_input", "ready": False, "failures": s.failures + 1,
        "recoveries": 0, "error": e.error, "due": e.due, "asked_due": e.n if e.due else None, **_LET_GO,
        **admission.given_back(s, e.gives_back),
    }  # fmt: skip


def _recovered(s: Execution, e: ev.Recovered) -> dict[str, Any]:
    return {
        "reason": "recovering", "ready": True, "ready_by": e.n, "recoveries": s.recoveries + 1, **_LET_GO, **_NO_TIMER,
    }  # fmt: skip


def _released(s: Execution, e: ev.Released) -> dict[str, Any]:
    return {
        "reason": "waiting_for_worker", "ready": True, "ready_by": e.n, "resumes": True, **_LET_GO, **_NO_TIMER,
    }  # fmt: skip


def _paused(s: Execution, e: ev.Paused) -> dict[str, Any]:
    return {"paused": True}


def _resumed(s: Execution, e: ev.Resumed) -> dict[str, Any]:
    changes: dict[str, Any] = {**_NO_PAUSE}
    if s.reason == "paused":
        changes["reason"] = s.paused_from
    if s.ready:
        changes["ready_by"] = e.n
    if e.due is not None:
        changes |= {"due": e.due, "asked_due": e.n}
    return changes


def _amended(s: Execution, e: ev.Amended) -> dict[str, Any]:
    labels = {} if e.labels is None else {"labels": e.labels}
    return {"timeouts": e.timeouts, **labels, **_deadlines(s, e)}


def _deadlines(s: Execution, e: ev.Event) -> dict[str, Any]:
    return {
        "deadlines": e.deadlines,
        "asked_deadlines": {
            # One that is as it was keeps its timer.
            kind: s.asked_deadlines.get(kind, e.n) if s.deadlines.get(kind) == at else e.n
            for kind, at in e.deadlines.items()
        },
    }


def _cancel_requested(s: Execution, e: ev.CancelRequested) -> dict[str, Any]:
    free = {"ready": True, "ready_by": e.n, **_NO_WANTS, **_NO_TIMER}
    woken = {**free, "completed_at": None, **_LET_GO} if s.ended else {} if s.held else free
    return {
        "reason": "cancelling", "cancelling": True, "cancel_because": e.because, "recoveries": 0, **_NO_PAUSE, **woken,
    }  # fmt: skip


def _compensating(s: Execution, e: ev.Compensating) -> dict[str, Any]:
    woken = {} if s.held else {"ready": True, "ready_by": e.n, **_NO_WANTS, **_NO_TIMER}
    ending = Ending(reason=e.reason, error=e.error)
    return {"reason": "undoing", "ending": ending, "error": e.error, "recoveries": 0, **_NO_PAUSE, **woken}


def _end(s: Execution, e: ev.Completed | ev.Failed | ev.Cancelled) -> dict[str, Any]:
    # What was slept and answered stays known to a later life; what was still open is over.
    over = {key: wait for key, wait in s.waits.items() if wait.done}
    return {
        "ready": False, "resumes": False, "cancelling": False, "ending": None, "waits": over, "deadlines": {},
        "asked_deadlines": {}, "triggered": remembered(s, e.then), **_NO_PAUSE, **_NO_WANTS, **_NO_TIMER,
        **admission.given_back(s, tuple(limit.key for limit in s.limits)),
    }  # fmt: skip


def _completed(s: Execution, e: ev.Completed) -> dict[str, Any]:
    return {"reason": None, "output": e.output, "error": None, "completed_at": e.at, **_end(s, e)}


def _failed(s: Execution, e: ev.Failed) -> dict[str, Any]:
    return {"reason": e.reason, "error": e.error, "completed_at": e.at, **_end(s, e)}


def _cancelled(s: Execution, e: ev.Cancelled) -> dict[str, Any]:
    return {"reason": e.because or s.cancel_because, "completed_at": e.at, **_end(s, e)}


def _retry_requested(s: Execution, e: ev.RetryRequested) -> dict[str, Any]:
    keep = 0 if e.fresh else e.n if e.forget_from is None else e.forget_from
    child_of = s.child_of
    if child_of is not None and e.life is not None:
        child_of = msgspec.structs.replace(child_of, life=e.life)
    return {
        "reason": "limited" if s.gated else "queued", "ready": True, "ready_by": e.n, "failures": 0, "recoveries": 0,
        "lives": s.lives + 1,
        "life_from": e.at, "life_started_at": None,
        "completed_at": None, "error": None, "output": None, "progress": None, "cancel_because": None,
        "fresh_from": e.n if e.fresh else s.fresh_from, "input": s.input if e.input is None else e.input,
        "child_of": child_of, "drifted": 0,
        "waits": {
            # What nobody answered in time is asked again: else the new life would end as this one did.
            key: wait
            for key, wait in s.waits.items()
            if wait.n < keep and not (wait.expired and wait.answer is None)
        },
        "groups": waiting.kept_groups(s, keep),
        "in_doubt": {key: n for key, n in s.in_doubt.items() if n < keep},
        "undoable": {key: n for key, n in s.undoable.items() if n < keep},
        **_deadlines(s, e), **_LET_GO,
    }  # fmt: skip


CHANGES: dict[type[ev.Event], Callable[[Execution, Any], dict[str, Any]]] = {
    ev.Started: _started,
    ev.CheckpointReached: _checkpoint,
    ev.StepStarted: _step_started,
    ev.StepFailed: _step_failed,
    ev.StepEdited: _step_edited,
    ev.Drifted: _drifted,
    ev.Progressed: _progressed,
    ev.OutputGenerated: _unchanged,
    ev.Slept: waiting.slept,
    ev.QuestionAsked: waiting.asked,
    ev.QuestionReminded: waiting.reminded,
    ev.EventAwaited: waiting.awaited,
    ev.EventReceived: waiting.received,
    ev.WaitExpired: waiting.expired,
    ev.ChildrenSpawned: waiting.spawned,
    ev.ChildrenDone: waiting.children_done,
    ev.Suspended: _suspended,
    ev.Answered: waiting.answered,
    ev.AttemptFailed: _attempt_failed,
    ev.Recovered: _recovered,
    ev.Released: _released,
    ev.Paused: _paused,
    ev.Resumed: _resumed,
    ev.Amended: _amended,
    ev.Moved: moving.moved,
    ev.Queued: moving.queued,
    ev.Admitted: admission.admitted,
    ev.Gated: admission.gated,
    ev.CancelRequested: _cancel_requested,
    ev.Compensating: _compensating,
    ev.Completed: _completed,
    ev.Failed: _failed,
    ev.Cancelled: _cancelled,
    ev.RetryRequested: _retry_requested,
}
