"""Why an execution ended, and what can be done about it."""

from collections.abc import Iterator

from onward.contract import events as ev
from onward.contract.execution import Execution, Status
from onward.contract.explain.causes import CODES, EXECUTIONS, Cause, by, count, quoted, span
from onward.contract.explain.facts import Facts

_FIX = {
    "error": "mend the cause, then go on from its checkpoints: onward execution retry {id}",
    "exhausted": "mend the cause, then go on from its checkpoints: onward execution retry {id}",
    "timed_out": "give it more time or make it faster, then: onward execution retry {id}",
    "poison": "see what took the workers down (memory, a crash of native code), then: onward execution retry {id}",
    "policy_denied": "change what the rule forbids, or the policy, then: onward execution retry {id}",
    "held": "mend it, then: onward execution retry {id}; or give it up: onward execution cancel {id}",
}


def ended(facts: Facts) -> Iterator[Cause]:
    """The one reason why it ended."""
    match facts.state.status:
        case Status.COMPLETED:
            yield _completed(facts.state)
        case Status.CANCELLED:
            yield _cancelled(facts)
        case _:
            yield _failed(facts)


def _completed(state: Execution) -> Cause:
    took = ""
    if state.completed_at and state.first_started_at:
        took = f" in {span(state.completed_at - state.first_started_at)}"
    return Cause(
        "completed", text=f"it completed{took}, after {count(state.attempt, 'attempt')}", since=state.completed_at,
        fix=f"nothing to do; to do it again: onward execution rerun {state.id}", links=_links(state),
    )  # fmt: skip


def _cancelled(facts: Facts) -> Cause:
    state = facts.state
    asked = facts.last(ev.CancelRequested, ev.Cancelled)
    done = facts.last(ev.Cancelled)
    who = (asked.actor if asked else None) or (done.actor if done else None)
    return Cause(
        "cancelled", text=f"it was cancelled{by(who)}{quoted(state.reason)}", since=state.completed_at, who=who,
        fix=f"to go on with it: onward execution retry {state.id}", links=_links(state),
    )  # fmt: skip


def _failed(facts: Facts) -> Cause:
    state, reason = facts.state, facts.state.reason or "error"
    code = f"failed_{reason}" if f"failed_{reason}" in CODES else "failed_error"
    error = state.error
    what = f"{error.type}: {error.message}" if error else reason
    tried = f" after {count(state.attempt, 'attempt')}" if state.attempt else " before it started"
    step = _step(facts)
    text = f"it failed ({reason}){tried}{f' in step {step}' if step else ''}: {what}"
    if error is not None and not error.retryable and reason == "error":
        text += "; an error of this kind is not tried again"
    return Cause(
        code, text=text[:2000], fix=_FIX.get(reason, _FIX["error"]).format(id=state.id), since=state.completed_at,
        links=_links(state),
    )  # fmt: skip


def _step(facts: Facts) -> str | None:
    """The step whose failure was the last thing before the end."""
    failed: ev.StepFailed | None = facts.last(ev.StepFailed)
    later = facts.last(ev.CheckpointReached, ev.Started)
    if failed is None or failed.scope == "undo" or (later is not None and later.n > failed.n):
        return None
    return failed.name


def _links(state: Execution) -> dict[str, str]:
    here = f"{EXECUTIONS}/{state.id}"
    return {"logs": f"{here}/logs", "events": f"{here}/events", "steps": f"{here}/steps"}
