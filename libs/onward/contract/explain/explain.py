"""Why an execution is where it is: every cause, the first one first."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from onward.contract.execution import Execution
from onward.contract.explain.causes import Cause, when
from onward.contract.explain.ended import ended
from onward.contract.explain.facts import Facts
from onward.contract.explain.queued import estimated_start, queued, ready_since
from onward.contract.explain.running import held, on_its_way
from onward.contract.explain.waiting import waiting


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an execution does not run, what its worker does, or why it ended; null, never omitted."""

    id: str
    status: str
    reason: str | None
    at: datetime
    causes: list[Cause]
    """At least one; what has to be done first is first."""
    waiting_since: datetime | None
    """Since when a worker could have taken it; null where it waits for something else."""
    ahead: int | None
    """How many of its class of the queue come first; null where it is not in line, or nobody could say."""
    estimated_start: datetime | None
    not_asked: list[str]
    """What would have been worth knowing, and could not be asked just now."""


def explain(facts: Facts) -> Explanation:
    """All that can be said, from the facts."""
    state = facts.state
    causes = list(_causes(facts))
    waits = in_line(state, facts.now)
    line = facts.standing if waits else None
    return Explanation(
        id=state.id, status=state.status.value, reason=state.reason, at=facts.now, causes=causes,
        waiting_since=ready_since(facts) if waits else None,
        ahead=line.ahead if line else None, estimated_start=estimated_start(facts) if line else None,
        not_asked=list(facts.not_asked),
    )  # fmt: skip


def in_line(state: Execution, now: datetime) -> bool:
    """Whether nothing but its queue and the workers keeps it from starting."""
    if state.ended or state.held or state.paused:
        return False
    return state.ready or (state.due is not None and state.due <= now)


def _causes(facts: Facts) -> Iterator[Cause]:
    state = facts.state
    if state.ended:
        yield from ended(facts)
        return
    if state.held:
        yield from held(facts)
    elif in_line(state, facts.now):
        yield from on_its_way(facts)
        if not state.ready:
            yield _fired(facts)
        yield from queued(facts)
    else:
        yield from waiting(facts)
    yield from _deadlines(facts)


def _fired(facts: Facts) -> Cause:
    due = facts.state.due or facts.now
    return Cause(
        "timer_fired", since=due, text=f"its time came {when(due, facts.now)}; a worker has to take it up",
        fix="nothing to do, where a worker is free",
    )  # fmt: skip


def _deadlines(facts: Facts) -> Iterator[Cause]:
    what = {"queue": "it has to be started", "execution": "it has to end"}
    for kind, at in facts.state.deadlines.items():
        if kind in what:
            yield Cause(
                "deadline", text=f"{what[kind]} {when(at, facts.now)}, or it fails as timed out", until=at,
                fix=f"give it more time: onward execution extend {facts.state.id}",
            )  # fmt: skip
