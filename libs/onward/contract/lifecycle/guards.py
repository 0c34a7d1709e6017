"""What else must hold for an event to follow a state, beyond the table of statuses."""

from collections.abc import Callable
from typing import Any

from onward.contract import events as ev
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle import moving

BY_OWNER: tuple[type[ev.Event], ...] = (
    ev.CheckpointReached, ev.StepStarted, ev.StepFailed, ev.Drifted, ev.Progressed, ev.OutputGenerated, ev.Slept,
    ev.QuestionAsked, ev.EventAwaited, ev.WaitExpired, ev.ChildrenSpawned, ev.Suspended, ev.AttemptFailed, ev.Released,
    ev.Completed,
)  # fmt: skip
"""Only the worker that holds the execution appends these; once a cancel was asked for, only to undo steps."""

UNDO = "undo"
"""The scope in which steps are undone."""


def _may_start(state: Execution, event: ev.Started) -> str | None:
    if state.paused:
        return "paused"
    if state.gated:
        return "it waits for its limits"
    if not (state.ready or (event.fired is not None and event.fired == state.asked_due)):
        return f"not runnable: {state.reason}"
    if state.cancelling and not state.undoing:
        return "a cancel was asked for"
    expected = state.attempt + (0 if state.resumes else 1)
    return None if event.attempt == expected else f"attempt {event.attempt} is not {expected}"


def _may_be_admitted(state: Execution, event: ev.Admitted) -> str | None:
    if not state.gated:
        return "it waits for no limit"
    if state.paused:
        return "paused"
    if not (state.ready or (event.fired is not None and event.fired == state.asked_due)):
        return f"not runnable: {state.reason}"
    return None


def _may_be_gated(state: Execution, event: ev.Gated) -> str | None:
    if (why := _goes_on(state, event)) is not None:
        return why
    if state.held or state.paused:
        return "a worker holds it" if state.held else "paused"
    if not (state.ready or (event.fired is not None and event.fired == state.asked_due)):
        return f"not runnable: {state.reason}"
    return None


def _may_own(state: Execution, event: ev.Event) -> str | None:
    if not state.held:
        return "no worker holds it"
    if (state.cancelling or state.ending is not None) and not (state.undoing and _undoes(event)):
        return "a cancel was asked for" if state.cancelling else "its steps are being undone"
    if getattr(event, "attempt", state.attempt) != state.attempt:
        return f"attempt {state.attempt} runs"
    return None


def _undoes(event: ev.Event) -> bool:
    match event:
        case ev.CheckpointReached(kind=kind):
            return kind == UNDO
        case ev.StepFailed(scope=scope):
            return scope == UNDO
    return isinstance(event, ev.Released)


def _may_suspend(state: Execution, event: ev.Suspended) -> str | None:
    if event.reason == "paused" and not state.paused:
        return "it is not paused"
    return _may_own(state, event)


def _may_spawn(state: Execution, event: ev.ChildrenSpawned) -> str | None:
    group = state.groups.get(event.group)
    if event.first != (group.spawned if group else 0):
        return f"child {event.first} of {event.group} does not come next"
    return _may_own(state, event)


def _may_end_children(state: Execution, event: ev.ChildrenDone) -> str | None:
    ended = {name: int(group.ended, 16) for name, group in state.groups.items()}
    for end in event.ends:
        group = state.groups.get(end.group)
        if group is None or group.born != end.born or end.index >= group.spawned:
            return f"no child {end.index} of {end.group} was spawned"
        if ended[end.group] >> end.index & 1:
            return f"child {end.index} of {end.group} has ended before"
        ended[end.group] |= 1 << end.index
        if end.outcome != "completed" and end.life < state.lives:
            return f"child {end.index} of {end.group} failed in an earlier life"
    return None


def _is_held(state: Execution, _: ev.Event) -> str | None:
    return None if state.held else "no worker holds it"


def _is_free(state: Execution, _: ev.Event) -> str | None:
    return "a worker holds it" if state.held and not state.ended else None


def _goes_on(state: Execution, _: ev.Event) -> str | None:
    if state.cancelling:
        return "a cancel was asked for"
    return "its steps are being undone" if state.ending is not None else None


def _may_request_cancel(state: Execution, _: ev.CancelRequested) -> str | None:
    if (why := _goes_on(state, _)) is not None:
        return why
    if state.ended:
        # What is held for repair has still to be undone before it is cancelled.
        return None if state.undoable and not state.final else f"it has {state.status}"
    return None if state.held or state.undoable else "no worker holds it"


def _may_answer(state: Execution, event: ev.Answered) -> str | None:
    return _no_open_question(state, event.wait) or _goes_on(state, event)


def _may_remind(state: Execution, event: ev.QuestionReminded) -> str | None:
    return _no_open_question(state, event.wait)


def _no_open_question(state: Execution, key: str) -> str | None:
    wait = state.waits.get(key)
    return "no such open question" if wait is None or wait.kind != "question" or wait.done else None


def _may_expire(state: Execution, event: ev.WaitExpired) -> str | None:
    wait = state.waits.get(event.wait)
    return "no such open wait" if wait is None or wait.done else _may_own(state, event)


def _may_pause(state: Execution, event: ev.Paused) -> str | None:
    return "it is paused" if state.paused else _goes_on(state, event)


def _may_resume(state: Execution, _: ev.Resumed) -> str | None:
    return None if state.paused else "it is not paused"


def _may_compensate(state: Execution, event: ev.Compensating) -> str | None:
    return _goes_on(state, event) if state.undoable else "no step can be undone"


def _may_fail(state: Execution, _: ev.Failed) -> str | None:
    return "a cancel was asked for" if state.cancelling else None


def _may_cancel(state: Execution, _: ev.Cancelled) -> str | None:
    if state.status is Status.FAILED and state.final:
        return "it has failed"
    if state.ending is not None:
        return "its steps are being undone"
    taken = state.held and not state.ended and not state.cancelling
    return "a worker holds it, and no cancel was asked for" if taken else None


GUARDS: dict[type[ev.Event], Callable[[Execution, Any], str | None]] = {
    **dict.fromkeys(BY_OWNER, _may_own),
    ev.Started: _may_start,
    ev.Admitted: _may_be_admitted,
    ev.Gated: _may_be_gated,
    ev.Suspended: _may_suspend,
    ev.ChildrenSpawned: _may_spawn,
    ev.ChildrenDone: _may_end_children,
    ev.WaitExpired: _may_expire,
    ev.Recovered: _is_held,
    ev.StepEdited: _is_free,
    ev.CancelRequested: _may_request_cancel,
    ev.Answered: _may_answer,
    ev.QuestionReminded: _may_remind,
    ev.EventReceived: _goes_on,
    ev.Paused: _may_pause,
    ev.Resumed: _may_resume,
    ev.Amended: _goes_on,
    ev.Moved: moving.may_move,
    ev.Queued: moving.may_queue,
    ev.Compensating: _may_compensate,
    ev.Failed: _may_fail,
    ev.Cancelled: _may_cancel,
}
