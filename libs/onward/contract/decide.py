"""Commands made into events: pure decisions of the gateway, the workers and the loops.

Each function takes the folded state and returns the events to append under its fence, or raises the refusal.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import AlreadyEnded, Conflict, NotRetryable, QuestionClosed
from onward.contract.execution import Execution, Status
from onward.contract.retry import RetryPolicy

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
    routes = state.routes if wake is None or wake in state.routes else (*state.routes, wake)
    return {
        "id": moment.new_id(), "project": state.project, "execution_id": state.id, "n": state.n + ahead,
        "at": moment.now, "routes": routes, "wake": wake, "actor": moment.actor, "trace": moment.trace,
    }  # fmt: skip


def submit(
    *,
    execution_id: str,
    project: str,
    moment: Moment,
    queue: str,
    priority: int,
    run_at: datetime | None,
    **fields: Any,
) -> ev.Submitted:
    """The first event of a log: a wake, or delayed until `run_at`."""
    route = subjects.route(queue, priority)
    later = run_at is not None and run_at > moment.now
    return ev.Submitted(
        id=moment.new_id(), project=project, execution_id=execution_id, n=1, at=moment.now, actor=moment.actor,
        trace=moment.trace, queue=queue, priority=priority, routes=(route,), wake=None if later else route,
        due=run_at if later else None, **fields,
    )  # fmt: skip


def meet(state: Execution, hint: Hint, owner: Owner, moment: Moment) -> Claim | Finish | AskOwner | Done:
    """What a hint means for the log it points at (PROTOCOL H1, H2, M2, C1)."""
    if state.ended:
        return Done(f"already {state.status}")
    if state.cancelling and not state.held:
        return Finish((ev.Cancelled(**envelope(state, moment)),))
    if state.held:
        same = state.work_sequence == hint.work_sequence
        if same or state.cancelling:
            return AskOwner(state.worker_id or "")
        return Done("claimed from another hint")
    if hint.route != state.route:
        return Done(f"waits in {state.route} now")
    if state.ready and hint.n < state.ready_by:
        # An ack of it may still be on its way, and would hit who claims from it; a newer hint brings the claim.
        return Done("made ready again since")
    if not (state.ready or (hint.fired is not None and hint.fired == state.asked_due)):
        return Done(f"not runnable: {state.reason}")
    if state.recoveries >= POISON_AFTER:
        return Finish((poison(state, moment),))
    return Claim(
        (
            ev.Started(
                **envelope(state, moment),
                attempt=state.attempt + (0 if state.resumes else 1),
                worker_id=owner.worker_id,
                connection=owner.connection,
                work_sequence=hint.work_sequence,
                ack_subject=hint.ack_subject,
                fired=None if state.ready else hint.fired,
            ),
        )
    )


def owner_silent(state: Execution, moment: Moment) -> tuple[ev.AnyEvent, ...]:
    """The owner is gone: hand the execution on, or finish its cancel without running user code."""
    if state.cancelling:
        return (ev.Cancelled(**envelope(state, moment)),)
    return (
        ev.Recovered(
            **envelope(state, moment, wake=state.route),
            attempt=state.attempt,
            worker_id=state.worker_id or "",
        ),
    )


def poison(state: Execution, moment: Moment) -> ev.Failed:
    """It took down every worker that tried it."""
    message = f"{state.recoveries} workers were lost while running this, with no checkpoint in between"
    failure = ev.Failure(type="poison", message=message, retryable=False)
    return ev.Failed(**envelope(state, moment), reason="poison", error=failure)


def attempt_ended_badly(
    state: Execution,
    moment: Moment,
    error: ev.Failure,
    random: Callable[[], float],
    after: float | None = None,
) -> ev.AttemptFailed | ev.Failed:
    """Another attempt at a due time, or the end; `after` (seconds) overrides the policy's delay."""
    delay = state.retry.delay(state.failures + 1, random) if error.retryable else None
    if delay is not None:
        due = moment.now + timedelta(seconds=delay if after is None else after)
        return ev.AttemptFailed(**{**envelope(state, moment), "due": due}, attempt=state.attempt, error=error)
    reason = "timed_out" if error.type == "timed_out" else "error"
    if error.retryable and state.retry.attempts > 1 and reason == "error":
        reason = "exhausted"
    return ev.Failed(**envelope(state, moment), reason=reason, error=error)


def cancel(state: Execution, moment: Moment, because: str | None) -> tuple[ev.AnyEvent, ...]:
    """Cancelled at once where no worker holds it, asked for where one does; empty: asked before."""
    if state.status is Status.CANCELLED or state.cancelling:
        return ()
    if state.ended:
        raise AlreadyEnded(f"execution {state.id} is already {state.status}")
    if not state.held:
        return (ev.Cancelled(**envelope(state, moment), because=because),)
    return (ev.CancelRequested(**envelope(state, moment, wake=state.route), because=because),)


def retry(state: Execution, moment: Moment, *, fresh: bool) -> tuple[ev.AnyEvent, ...]:
    """Another life for what failed or was cancelled."""
    if state.status not in (Status.FAILED, Status.CANCELLED):
        raise NotRetryable(
            f"execution {state.id} is {state.status}; only failed or cancelled ones can be retried"
        )
    return (ev.RetryRequested(**envelope(state, moment, wake=state.route), fresh=fresh),)


def answer(
    state: Execution, moment: Moment, given: msgspec.Raw, question_id: str | None
) -> tuple[ev.AnyEvent, ...]:
    """The first answer to an open question."""
    still_open = [key for key, wait in state.waits.items() if wait.kind == "question" and not wait.done]
    if state.ended or state.cancelling or not still_open:
        raise QuestionClosed(f"execution {state.id} has no open question")
    if question_id is None and len(still_open) > 1:
        raise Conflict(
            "several questions are open", fix="name one with question_id: " + ", ".join(still_open)
        )
    wait = question_id or still_open[0]
    if wait not in still_open:
        raise QuestionClosed(f"question {wait} is not open")
    return (
        ev.Answered(
            **envelope(state, moment, wake=None if state.held else state.route), wait=wait, answer=given
        ),
    )


def retry_policy(asked: RetryPolicy | None, announced: RetryPolicy | None) -> RetryPolicy:
    """The policy an execution gets: the caller's, the task's, or the default."""
    return asked or announced or RetryPolicy()
