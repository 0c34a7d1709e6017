"""What an execution went through, as people read it: attempts, steps, checkpoints. Pure folds of a log.

Events that a `carried` stands for may be missing: then what it carries is shown, and nothing is made up.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.execution import ENDED, Execution
from onward.contract.fingerprint import fingerprint_of
from onward.contract.lifecycle.changes import step_id
from onward.contract.lifecycle.guards import UNDO
from onward.contract.log import Identity, checkpoints_in
from onward.contract.view import ErrorView

RUNNING, WAITING, COMPLETED, FAILED, CANCELLED, LOST = (
    "running", "waiting", "completed", "failed", "cancelled", "lost",
)  # fmt: skip


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try of an execution; `waiting` when no worker holds it, `lost` when its worker was gone.

    `claims` counts how often a worker took it up: more than once where it waited or was handed over.
    """

    attempt: int
    life: int
    status: str
    reason: str | None
    worker_id: str | None
    claims: int
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: float | None
    error: ErrorView | None


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """A named piece of a task: `completed`, `retrying` (after a failure), `failed`, `undone`, `undo_failed`.

    One that runs at most once is also `running`, or `in_doubt`: it began, and nobody knows whether it happened.
    `forgotten` are those that a retry, from the start or from a step, runs again. `drifted`: its code has changed since
    it was saved. `edited`: `edited_by` gave its result.
    """

    scope: str
    name: str
    key: str
    status: str
    attempt: int
    tries: int
    ended_at: datetime | None
    duration_ms: float | None
    result: ev.RawOrNone
    error: ErrorView | None
    forgotten: bool
    n: int
    """Of the event that says how it stands; of its checkpoint, where it is saved."""
    undo: str | None = None
    drifted: bool = False
    edited: bool = False
    edited_by: str | None = None


class CheckpointView(msgspec.Struct, frozen=True, kw_only=True):
    """A saved result; `current` while later attempts read it: neither replaced nor forgotten."""

    n: int
    at: datetime
    kind: str
    scope: str
    name: str
    key: str
    attempt: int
    tries: int
    duration_ms: float | None
    result: msgspec.Raw
    current: bool
    edited: bool


def attempts(events: Iterable[ev.AnyEvent]) -> list[AttemptView]:
    """Every attempt of every life, oldest first."""
    seen: dict[int, AttemptView] = {}
    life, current = 1, 0
    for event in _in_order(events):
        if isinstance(event, ev.Carried):
            if not seen and (carried := _carried_attempt(event)):
                seen[carried.attempt], life, current = carried, carried.life, carried.attempt
        elif isinstance(event, ev.Started):
            current = event.attempt
            seen[current] = _claimed(seen.get(current), event, life)
        elif isinstance(event, ev.RetryRequested):
            life += 1
        elif current in seen and seen[current].ended_at is None:
            seen[current] = _after(seen[current], event)
    return list(seen.values())


def steps(events: Iterable[ev.AnyEvent]) -> list[StepView]:
    """Every step as it stands now, in the order of their first sign."""
    forgotten: list[StepView] = []
    seen: dict[Identity, StepView] = {}
    for event in _in_order(events):
        if isinstance(event, ev.RetryRequested):
            again = {at: step for at, step in seen.items() if _forgets(event, step.n)}
            forgotten += [msgspec.structs.replace(step, forgotten=True) for step in again.values()]
            seen = {at: step for at, step in seen.items() if at not in again}
        else:
            _follow(seen, event)
    return forgotten + list(seen.values())


def _forgets(event: ev.RetryRequested, n: int) -> bool:
    return event.fresh or (event.forget_from is not None and n >= event.forget_from)


def _follow(seen: dict[Identity, StepView], event: ev.AnyEvent) -> None:
    match event:
        case ev.StepStarted():
            seen[event.scope, event.name, event.key] = _started_step(event)
        case ev.StepFailed(scope=scope) if scope != UNDO:
            seen[event.scope, event.name, event.key] = _failed_step(event)
        case ev.StepFailed():
            _change(seen, _undone_of(event), status="undo_failed", error=_error(event.error))
        case ev.Drifted():
            for at in [at for at, step in seen.items() if step_id(step) in event.steps]:
                _change(seen, at, drifted=True)
        case (
            ev.Suspended()
            | ev.Recovered()
            | ev.Released()
            | ev.AttemptFailed()
            | ev.Failed()
            | ev.Cancelled()
        ):
            for at in [at for at, step in seen.items() if step.status == RUNNING]:
                _change(seen, at, status="in_doubt")
        case _:
            _save(seen, event)


def _save(seen: dict[Identity, StepView], event: ev.AnyEvent) -> None:
    for point in checkpoints_in(event):
        at = point.scope, point.name, point.key
        if point.kind == UNDO:
            _change(seen, at, status="undone", error=None)
        elif point.kind == "step":
            seen[at] = _completed_step(point)


def _change(seen: dict[Identity, StepView], at: Identity, **changes: Any) -> None:
    if at in seen:
        seen[at] = msgspec.structs.replace(seen[at], **changes)


def _undone_of(event: ev.StepFailed) -> Identity:
    # An undo that failed names the step by the name, and its scope and key together in the key.
    scope, _, key = event.key.rpartition("|")
    return scope, event.name, key


def checkpoints(events: Iterable[ev.AnyEvent]) -> list[CheckpointView]:
    """Every checkpoint there is, oldest first."""
    found: dict[int, ev.CheckpointReached] = {}
    current: dict[Identity, int] = {}
    for event in _in_order(events):
        if isinstance(event, ev.RetryRequested):
            current = {key: n for key, n in current.items() if not _forgets(event, n)}
        for point in checkpoints_in(event):
            found[point.n] = point
            # What is carried was current, and a newer one of the same name comes later in the log.
            current[point.scope, point.name, point.key] = point.n
            if point.kind == "undo":
                del current[point.scope, point.name, point.key]
    kept = set(current.values())
    return [
        CheckpointView(
            n=n, at=point.at, kind=point.kind, scope=point.scope, name=point.name, key=point.key,
            attempt=point.attempt, tries=point.tries, duration_ms=point.duration_ms, result=point.result,
            current=n in kept, edited=point.edited,
        )
        for n, point in sorted(found.items())
    ]  # fmt: skip


def _in_order(events: Iterable[ev.AnyEvent]) -> list[ev.AnyEvent]:
    return sorted(events, key=lambda event: event.n)


def _claimed(before: AttemptView | None, event: ev.Started, life: int) -> AttemptView:
    if before is None:
        return AttemptView(
            attempt=event.attempt, life=life, status=RUNNING, reason=None, worker_id=event.worker_id,
            claims=1, started_at=event.at, ended_at=None, duration_ms=None, error=None,
        )  # fmt: skip
    return msgspec.structs.replace(
        before, status=RUNNING, reason=None, worker_id=event.worker_id, claims=before.claims + 1
    )


def _after(view: AttemptView, event: ev.AnyEvent) -> AttemptView:
    match event:
        case ev.Suspended():
            return msgspec.structs.replace(view, status=WAITING, reason=event.reason)
        case ev.Released():
            return msgspec.structs.replace(view, status=WAITING, reason="waiting_for_worker")
        case ev.Completed():
            return _ended(view, event, COMPLETED)
        case ev.Cancelled():
            return _ended(view, event, CANCELLED, reason=event.because)
        case ev.AttemptFailed():
            return _ended(view, event, FAILED, reason=event.error.type, error=event.error)
        case ev.Failed():
            return _ended(view, event, FAILED, reason=event.reason, error=event.error)
        case ev.Recovered():
            return _ended(view, event, LOST, reason=event.because)
    return view


def _ended(
    view: AttemptView,
    event: ev.Event,
    status: str,
    *,
    reason: str | None = None,
    error: ev.Failure | None = None,
) -> AttemptView:
    started = view.started_at
    return msgspec.structs.replace(
        view,
        status=status,
        reason=reason,
        ended_at=event.at,
        duration_ms=None if started is None else round((event.at - started).total_seconds() * 1000, 3),
        error=_error(error),
    )


def _carried_attempt(event: ev.Carried) -> AttemptView | None:
    state = msgspec.json.decode(event.state, type=Execution)
    if state.attempt == 0:
        return None
    ended = state.status in ENDED or (not state.held and not state.resumes)
    waits = not ended and not state.held
    status = RUNNING if state.held else WAITING if waits else state.status.value if state.ended else FAILED
    return AttemptView(
        attempt=state.attempt, life=state.lives, status=status, reason=state.reason,
        worker_id=state.worker_id, claims=1, started_at=state.started_at,
        ended_at=(state.completed_at or state.updated_at) if ended else None,
        duration_ms=None, error=_error(state.error),
    )  # fmt: skip


def _completed_step(point: ev.CheckpointReached) -> StepView:
    return StepView(
        scope=point.scope, name=point.name, key=point.key, status=COMPLETED, attempt=point.attempt,
        tries=point.tries, ended_at=point.at, duration_ms=point.duration_ms, result=point.result, error=None,
        forgotten=False, n=point.n, undo=point.undo, edited=point.edited,
        edited_by=point.actor if point.edited else None,
    )  # fmt: skip


def _started_step(event: ev.StepStarted) -> StepView:
    return StepView(
        scope=event.scope, name=event.name, key=event.key, status=RUNNING, attempt=event.attempt, tries=1,
        ended_at=None, duration_ms=None, result=None, error=None, forgotten=False, n=event.n,
    )  # fmt: skip


def _failed_step(event: ev.StepFailed) -> StepView:
    return StepView(
        scope=event.scope, name=event.name, key=event.key,
        status=FAILED if event.delay_ms is None else "retrying", attempt=event.attempt, tries=event.tries,
        ended_at=event.at, duration_ms=None, result=None, error=_error(event.error), forgotten=False,
        n=event.n,
    )  # fmt: skip


def _error(error: ev.Failure | None) -> ErrorView | None:
    if error is None:
        return None
    return ErrorView(
        type=error.type, message=error.message, stack=error.stack, retryable=error.retryable,
        fingerprint=fingerprint_of(error),
    )  # fmt: skip
