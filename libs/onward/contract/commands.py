"""What people and programs ask of an execution, made into events: pure, from its folded state.

Each function returns the events to append under its fence (none: nothing is left to do), or raises the refusal.
"""

import msgspec

from onward.contract import events as ev
from onward.contract.decide import Moment, deadlines, envelope, last
from onward.contract.errors import AlreadyEnded, Conflict, NotRetryable, QuestionClosed
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle.waiting import can_wake
from onward.contract.moving import check_lives

MAX_INBOX = 1000
"""Events from outside that an execution keeps before they are waited for."""
MAX_INBOX_BYTES = 512 * 1024
"""What their values may come to: they are part of its state, and that has to fit into one message."""


def cancel(state: Execution, moment: Moment, because: str | None) -> tuple[ev.AnyEvent, ...]:
    """Cancelled at once where no worker is needed, asked for where one is; empty: asked before."""
    if state.status is Status.CANCELLED or state.cancelling:
        return ()
    if state.ended and state.final:
        raise AlreadyEnded(f"execution {state.id} is already {state.status}")
    if state.ending is not None:
        raise AlreadyEnded(f"execution {state.id} is failing: its steps are being undone")
    if state.undoable or (state.held and not state.ended):
        return (ev.CancelRequested(**envelope(state, moment, wake=state.route), because=because),)
    return (ev.Cancelled(**last(state, moment, "cancelled"), because=because),)


def retry(
    state: Execution,
    moment: Moment,
    *,
    fresh: bool = False,
    forget_from: int | None = None,
    input: msgspec.Raw | None = None,
    life: int | None = None,
) -> tuple[ev.AnyEvent, ...]:
    """Another life for what failed or was cancelled: from its checkpoints, without some, or without any."""
    if state.status not in (Status.FAILED, Status.CANCELLED):
        raise NotRetryable(
            f"execution {state.id} is {state.status}; only failed or cancelled ones can be retried"
        )
    fields = {
        **envelope(state, moment, wake=state.route),
        "deadlines": deadlines(state.timeouts, moment.now),
    }
    return (ev.RetryRequested(**fields, fresh=fresh, forget_from=forget_from, input=input, life=life),)


def edit_step(
    state: Execution, moment: Moment, *, scope: str, name: str, key: str, result: msgspec.Raw
) -> tuple[ev.AnyEvent, ...]:
    """A step's result as a person gives it; what follows reads it."""
    if state.held and not state.ended:
        raise Conflict(f"execution {state.id} is held by a worker", fix="pause it first")
    if state.status is Status.COMPLETED:
        raise AlreadyEnded(f"execution {state.id} is completed")
    return (ev.StepEdited(**envelope(state, moment), scope=scope, name=name, key=key, result=result),)


def answer(
    state: Execution, moment: Moment, given: msgspec.Raw, question_id: str | None
) -> tuple[ev.AnyEvent, ...]:
    """The first answer to an open question."""
    still_open = [key for key, wait in state.waits.items() if wait.kind == "question" and not wait.done]
    if state.ended or state.cancelling or state.ending is not None or not still_open:
        raise QuestionClosed(f"execution {state.id} has no open question")
    if question_id is None and len(still_open) > 1:
        raise Conflict(
            "several questions are open", fix="name one with question_id: " + ", ".join(still_open)
        )
    wait = question_id or still_open[0]
    if wait not in still_open:
        raise QuestionClosed(f"question {wait} is not open")
    deadline = state.waits[wait].until
    if deadline is not None and moment.now >= deadline:
        # Its timer may be on its way: an answer now and then not would be a matter of luck.
        raise QuestionClosed(f"the time to answer question {wait} was over at {deadline.isoformat()}")
    wake = state.route if can_wake(state) else None
    return (ev.Answered(**envelope(state, moment, wake=wake), wait=wait, answer=given),)


def receive(
    state: Execution, moment: Moment, *, name: str, value: msgspec.Raw, key: str | None
) -> tuple[ev.AnyEvent, ...]:
    """An event from outside: kept, or given to who waits for it; empty: one with this key was taken before."""
    if key is not None and key in state.received:
        return ()
    if state.ended or state.cancelling or state.ending is not None:
        raise AlreadyEnded(
            f"execution {state.id} takes no events: it is {'cancelling' if state.cancelling else state.status}"
        )
    awaited = any(wait.event == name and not wait.done for wait in state.waits.values())
    if not awaited:
        _has_room(state, value)
    wake = state.route if awaited and can_wake(state) else None
    return (ev.EventReceived(**envelope(state, moment, wake=wake), name=name, value=value, key=key),)


def _has_room(state: Execution, value: msgspec.Raw) -> None:
    kept = [len(memoryview(item.value)) for items in state.inbox.values() for item in items]
    if len(kept) >= MAX_INBOX or sum(kept) + len(memoryview(value)) > MAX_INBOX_BYTES:
        raise Conflict(
            f"execution {state.id} keeps {len(kept)} events, {sum(kept)} bytes, that it did not wait for yet",
            fix=f"send no more until it waits for some: {MAX_INBOX} and {MAX_INBOX_BYTES} bytes are the limit",
        )


def remind(state: Execution, moment: Moment, question_id: str) -> tuple[ev.AnyEvent, ...]:
    """One more reminder of a question, where it is still open."""
    wait = state.waits.get(question_id)
    if state.ended or wait is None or wait.kind != "question" or wait.done:
        return ()
    return (ev.QuestionReminded(**envelope(state, moment), wait=question_id, count=wait.reminded + 1),)


def pause(state: Execution, moment: Moment, because: str | None) -> tuple[ev.AnyEvent, ...]:
    """Paused: at once where no worker holds it, else when its running steps end; empty: paused before."""
    if state.paused:
        return ()
    check_lives(state)
    return (ev.Paused(**envelope(state, moment), because=because),)


def resume(state: Execution, moment: Moment) -> tuple[ev.AnyEvent, ...]:
    """On with what was paused: into its queue, or back to its timer; empty: it is not paused."""
    if state.ended:
        raise AlreadyEnded(f"execution {state.id} is already {state.status}")
    if not state.paused:
        return ()
    ready = state.ready and not state.held
    due = None if state.held or state.ready else state.due
    return (ev.Resumed(**{**envelope(state, moment, wake=state.route if ready else None), "due": due}),)


def amend(state: Execution, moment: Moment, timeouts: ev.TimeoutPolicy) -> tuple[ev.AnyEvent, ...]:
    """Other limits for a living execution, counted from the beginning of this life."""
    check_lives(state)
    limits = deadlines(timeouts, state.life_from or state.created_at)
    if state.status is Status.RUNNING:
        limits.pop("queue", None)
    return (ev.Amended(**{**envelope(state, moment), "deadlines": limits}, timeouts=timeouts),)
