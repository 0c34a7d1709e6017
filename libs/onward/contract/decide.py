"""What workers and loops decide about an execution: pure, from its folded state.

Each function takes the folded state and returns the events to append under its fence, or raises the refusal. What
people and programs ask for is in commands.py, what parents and children do to each other in family.py.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.execution import Execution, Wait
from onward.contract.lifecycle.waiting import EXHAUSTED, RETRY
from onward.contract.limit import LimitPolicy, returned
from onward.contract.retry import RetryPolicy
from onward.contract.triggers import branches

MAX_LEFT = 2000
"""Characters that an end says of what could not be undone."""
POISON_AFTER = 3
"""Recoveries without a checkpoint in between that make an execution a poison."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """When a decision is made, by whom, within which trace."""

    now: datetime
    new_id: Callable[[], str]
    actor: str | None = None
    trace: str | None = None


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The worker process that claims: a fresh id for each process start, never a host name."""

    worker_id: str
    connection: str
    versions: dict[str, str] = {}
    """Of its tasks, those that have one, by name."""


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """A work-queue message: "look at this execution". The log decides what it means.

    `n` is the ordinal of the event it comes from, `floor` an EVENTS sequence that a read must reach (PROTOCOL V1);
    `fired` is again `n` where the event asked for a timer, and that fired.
    """

    project: str
    execution_id: str
    route: str
    work_sequence: int
    ack_subject: str
    n: int
    floor: int = 0
    fired: int | None = None
    submitted: ev.Submitted | None = None
    """The event that woke it, when that began the log: then the claim needs no read."""


class Claim(msgspec.Struct, frozen=True):
    """Runnable: append these, then run."""

    events: tuple[ev.AnyEvent, ...]


class Finish(msgspec.Struct, frozen=True):
    """Not to be run again: append these, then ack."""

    events: tuple[ev.AnyEvent, ...]


class AskOwner(msgspec.Struct, frozen=True):
    """Claimed from this very hint before: ask that worker; silent → recover."""

    worker_id: str


class Done(msgspec.Struct, frozen=True):
    """The hint is of no use: ack it."""

    because: str


def envelope(state: Execution, moment: Moment, ahead: int = 1, wake: str | None = None) -> dict[str, Any]:
    """The envelope of the event `ahead` places after `state`."""
    # The last one is where it waits: there its timer fires.
    stays = wake is None or wake == state.routes[-1]
    routes = state.routes if stays else (*(route for route in state.routes if route != wake), wake)
    return {
        "id": moment.new_id(), "project": state.project, "execution_id": state.id, "n": state.n + ahead,
        "at": moment.now, "routes": routes, "wake": wake, "actor": moment.actor, "trace": moment.trace,
    }  # fmt: skip


def last(state: Execution, moment: Moment, outcome: str, ahead: int = 1) -> dict[str, Any]:
    """The envelope of an event that ends a life: it tells of its parent, its children, and of what follows.

    `outcome` is completed, failed or cancelled; or held, which ends no life (PROTOCOL F2, F3).
    """
    return {
        **envelope(state, moment, ahead), "child_of": state.child_of, "orphans": state.orphans,
        "then": branches(state, outcome), "gives_back": tuple(limit.key for limit in state.limits),
    }  # fmt: skip


def lets_go(state: Execution, moment: Moment, ahead: int = 1) -> dict[str, Any]:
    """The envelope of an event with which its worker lets go of it; what only runs hold, it gives back."""
    keys = returned(state.limits)
    envelope_ = envelope(state, moment, ahead)
    if not keys:
        return envelope_
    gate = subjects.gate(state.priority)
    routes = (*(route for route in state.routes if route != gate), gate)
    return {**envelope_, "gives_back": keys, "routes": routes}


def wake_at(
    state: Execution, moment: Moment, route: str, kind: type[ev.Gated | ev.Admitted], **fields: Any
) -> tuple[ev.AnyEvent, ...]:
    """An event of this kind as a wake to a route; behind one that names the route, where none has yet (PROTOCOL V3)."""
    if route in state.routes:
        return (kind(**envelope(state, moment, wake=route), **fields),)
    named = kind(**{**envelope(state, moment), "routes": (*state.routes, route)}, **fields)
    wake = {**envelope(state, moment, ahead=2), "routes": named.routes, "wake": route}
    return (named, ev.Queued(**wake))


def deadlines(timeouts: ev.TimeoutPolicy, start: datetime) -> dict[str, datetime]:
    """When an execution that may start at `start` is overdue, by kind of limit."""
    limits = {"queue": timeouts.queue, "execution": timeouts.execution}
    return {kind: start + timedelta(seconds=limit) for kind, limit in limits.items() if limit is not None}


def submit(
    *,
    execution_id: str,
    project: str,
    moment: Moment,
    queue: str,
    priority: int,
    run_at: datetime | None,
    timeouts: ev.TimeoutPolicy | None = None,
    limits: tuple[LimitPolicy, ...] = (),
    **fields: Any,
) -> ev.Submitted:
    """The first event of a log: a wake, or delayed until `run_at`."""
    place = subjects.route(queue, priority)
    route = subjects.gate(priority) if limits else place
    later = run_at is not None and run_at > moment.now
    timeouts = timeouts or ev.TimeoutPolicy()
    start = run_at if run_at is not None and later else moment.now
    return ev.Submitted(
        id=moment.new_id(), project=project, execution_id=execution_id, n=1, at=moment.now, actor=moment.actor,
        trace=moment.trace, queue=queue, priority=priority,
        routes=(place, route) if limits else (place,), wake=None if later else route, due=run_at if later else None,
        deadlines=deadlines(timeouts, start), timeouts=timeouts,
        limits=limits, **fields,
    )  # fmt: skip


def meet(
    state: Execution, hint: Hint, owner: Owner, moment: Moment, gates: tuple[LimitPolicy, ...] = ()
) -> Claim | Finish | AskOwner | Done:
    """What a hint means for the log it points at (PROTOCOL H1, H2, M2, C1).

    `gates` are the limits of its queue and task as they stand now: it may be older than they are (PROTOCOL L1).
    """
    if state.ended:
        return Done(f"already {state.status}")
    if state.held:
        same = state.work_sequence == hint.work_sequence
        if same or state.cancelling:
            return AskOwner(state.worker_id or "")
        return Done("claimed from another hint")
    if state.cancelling and not state.undoing:
        return Finish((ev.Cancelled(**last(state, moment, "cancelled")),))
    if (why := _not_claimable(state, hint)) is not None:
        return Done(why)
    if state.recoveries >= POISON_AFTER and not state.undoing:
        return Finish((failing(state, moment, "poison", poison(state)),))
    if not state.undoing and (error := given_up(state)) is not None:
        return Finish((failing(state, moment, "exhausted", error),))
    if gates and not state.undoing and (missing := missing_limits(state, gates)):
        asked = {"limits": (*state.limits, *missing), "fired": _fired(state, hint)}
        return Finish(wake_at(state, moment, subjects.gate(state.priority), ev.Gated, **asked))
    return Claim(
        (
            ev.Started(
                **envelope(state, moment),
                attempt=state.attempt + (0 if state.resumes else 1),
                worker_id=owner.worker_id,
                connection=owner.connection,
                work_sequence=hint.work_sequence,
                ack_subject=hint.ack_subject,
                fired=_fired(state, hint),
                version=owner.versions.get(state.task),
            ),
        )
    )


def _fired(state: Execution, hint: Hint) -> int | None:
    return None if state.ready else hint.fired


def missing_limits(state: Execution, gates: Iterable[LimitPolicy]) -> tuple[LimitPolicy, ...]:
    """Those of `gates` that it was not admitted by."""
    known = {limit.key for limit in state.limits}
    return tuple(limit for limit in gates if limit.key not in known)


def _not_claimable(state: Execution, hint: Hint) -> str | None:
    if state.paused:
        return "paused"
    if state.gated:
        return "it waits for its limits"
    if hint.route != state.route:
        return f"waits in {state.route} now"
    if state.ready and hint.n < state.ready_by:
        # An ack of it may still be on its way, and would hit who claims from it; a newer hint brings the claim.
        return "made ready again since"
    if state.ready or (hint.fired is not None and hint.fired == state.asked_due):
        return None
    return f"not runnable: {state.reason}"


def owner_silent(state: Execution, moment: Moment) -> tuple[ev.AnyEvent, ...]:
    """The owner is gone: hand the execution on, or finish its cancel without running user code (PROTOCOL C1).

    Where steps have to be undone first, another worker does that.
    """
    if state.cancelling and not state.undoing:
        return (ev.Cancelled(**last(state, moment, "cancelled")),)
    return (
        ev.Recovered(
            **envelope(state, moment, wake=state.route),
            attempt=state.attempt,
            worker_id=state.worker_id or "",
        ),
    )


def poison(state: Execution) -> ev.Failure:
    """It took down every worker that tried it; where steps are undone, the undo did that has to run next."""
    message = f"{state.recoveries} workers were lost while running this, with no checkpoint in between"
    return ev.Failure(type="poison", message=message, retryable=False)


def failing(state: Execution, moment: Moment, reason: str, error: ev.Failure) -> ev.Compensating | ev.Failed:
    """The end, or, where steps have an `undo` that has not run, the beginning of it."""
    if state.undoable and state.ending is None:
        wake = None if state.held else state.route
        return ev.Compensating(**envelope(state, moment, wake=wake), reason=reason, error=error)
    return ev.Failed(**last(state, moment, "failed"), reason=reason, error=error)


def undone(state: Execution, moment: Moment, left: tuple[str, ...] = ()) -> ev.Failed | ev.Cancelled:
    """All that could be undone is undone: the end it was done for; it says what is `left`."""
    what = f"could not be undone: {', '.join(left)}"[:MAX_LEFT] if left else None
    if state.ending is None:
        because = "; ".join(filter(None, (state.cancel_because, what)))
        return ev.Cancelled(**last(state, moment, "cancelled"), because=because or None)
    error = state.ending.error
    if what is not None:
        error = msgspec.structs.replace(error, message=f"{error.message}; {what}")
    return ev.Failed(**last(state, moment, "failed"), reason=state.ending.reason, error=error)


def attempt_ended_badly(
    state: Execution,
    moment: Moment,
    error: ev.Failure,
    random: Callable[[], float],
    after: float | None = None,
) -> tuple[ev.AnyEvent, ...]:
    """Another attempt at a due time, a question, or the end; `after` (seconds) overrides the policy's delay."""
    delay = state.retry.delay(state.failures + 1, random) if error.retryable else None
    if delay is not None:
        due = moment.now + timedelta(seconds=delay if after is None else after)
        if not _too_late(state, due):
            fields = {**lets_go(state, moment), "due": due}
            return (ev.AttemptFailed(**fields, attempt=state.attempt, error=error),)
    if error.retryable and state.on_exhausted == "hold":
        return (ev.Failed(**last(state, moment, "held"), reason="held", error=error),)
    if error.retryable and state.on_exhausted == "ask":
        return _ask_whether_to_go_on(state, moment, error)
    reason = "timed_out" if error.type == "timed_out" else "error"
    if error.retryable and state.retry.attempts > 1 and reason == "error":
        reason = "exhausted"
    return (failing(state, moment, reason, error),)


def _too_late(state: Execution, due: datetime) -> bool:
    longest, began = state.retry.max_elapsed, state.life_from
    return longest is not None and began is not None and (due - began).total_seconds() > longest


def _ask_whether_to_go_on(state: Execution, moment: Moment, error: ev.Failure) -> tuple[ev.AnyEvent, ...]:
    text = f"{state.task} has failed {state.failures + 1} times, the last time with {error.type}: {error.message}"
    return (
        ev.QuestionAsked(
            **envelope(state, moment),
            wait=f"{EXHAUSTED}.{state.attempt}",
            text=text[:1000],
            choices=(RETRY, "fail"),
        ),
        ev.AttemptFailed(**lets_go(state, moment, ahead=2), attempt=state.attempt, error=error),
    )


def given_up(state: Execution) -> ev.Failure | None:
    """Why it failed, where a person who was asked whether to go on said no."""
    wait = _exhausted(state)
    if wait is None or not wait.done or wait.answer is None or msgspec.json.decode(wait.answer) == RETRY:
        return None
    return state.error


def _exhausted(state: Execution) -> Wait | None:
    return state.waits.get(f"{EXHAUSTED}.{state.attempt}")


def overdue(state: Execution, moment: Moment, kind: str, n: int) -> tuple[ev.AnyEvent, ...] | None:
    """What a fired deadline, set by event `n`, does; nothing where it no longer counts; None: its owner ends it.

    A worker that holds an execution keeps its limit by itself, and finds out sooner; if it dies, it is let go, and the
    next look ends it here.
    """
    if state.ended or state.cancelling or state.ending is not None or state.asked_deadlines.get(kind) != n:
        return ()
    if kind not in state.deadlines:
        return ()
    if state.held:
        return None
    limit = state.timeouts.queue if kind == "queue" else state.timeouts.execution
    what = "waited longer than its limit" if kind == "queue" else "took longer than its limit"
    error = ev.Failure(type="timed_out", message=f"the execution {what}: {limit:g} s", retryable=False)
    return (failing(state, moment, "timed_out", error),)


def retry_policy(asked: RetryPolicy | None, announced: RetryPolicy | None) -> RetryPolicy:
    """The policy an execution gets: the caller's, the task's, or the default."""
    return asked or announced or RetryPolicy()
