"""What another queue, priority or time makes of an execution, and when that may be. No clock, no I/O."""

from typing import Any

from onward.contract import events as ev
from onward.contract.execution import Execution, Status
from onward.contract.limit import QUEUE

_NO_TIMER: dict[str, Any] = {"due": None, "asked_due": None}


def may_wait_for_a_time(s: Execution) -> bool:
    """Whether somebody may say when it starts: it has not begun, or waits for its next attempt."""
    if s.held or s.cancelling or s.ending is not None:
        return False
    between = s.status is Status.RUNNING and not s.ready and not s.resumes and s.due is not None
    return s.status is Status.PENDING or between


def moved(s: Execution, e: ev.Moved) -> dict[str, Any]:
    """Another place in line."""
    # The limit of the queue it leaves, unless it holds that; the next claim finds out about the new one's.
    left = f"{QUEUE}{s.queue}"
    limits = tuple(limit for limit in s.limits if limit.key != left or left in s.grants or e.queue == s.queue)
    changes: dict[str, Any] = {
        "limits": limits,
        "queue": e.queue,
        "priority": e.priority,
        "route": e.routes[-1],
    }
    if e.now:
        waits = "limited" if s.gated else "queued" if s.status is Status.PENDING else "waiting_for_worker"
        changes |= {"ready": True, "ready_by": e.n, **_because(s, waits), **_NO_TIMER}
    elif e.due is not None:
        changes |= {"due": e.due, "asked_due": e.n}
        if s.status is Status.PENDING:
            changes |= {"ready": False, **_because(s, "delayed")}
    if s.status is Status.PENDING and (e.now or e.due != s.due):
        changes["life_from"] = e.due or e.at
    if e.deadlines:
        changes |= {"deadlines": e.deadlines, "asked_deadlines": dict.fromkeys(e.deadlines, e.n)}
    return changes


def _because(s: Execution, reason: str) -> dict[str, Any]:
    return {"paused_from": reason} if s.reason == "paused" else {"reason": reason}


def queued(s: Execution, e: ev.Queued) -> dict[str, Any]:
    """Only the hint of this event may be claimed."""
    return {"ready_by": e.n}


def may_move(s: Execution, e: ev.Moved) -> str | None:
    """Why it may not move, beyond what every change needs."""
    if s.cancelling:
        return "a cancel was asked for"
    if s.ending is not None:
        return "its steps are being undone"
    changes_time = e.now or e.due != s.due
    return None if not changes_time or may_wait_for_a_time(s) else "it does not wait for a time to begin"


def may_queue(s: Execution, _: ev.Queued) -> str | None:
    """Why it cannot be woken."""
    if s.held or s.paused or s.cancelling or s.ending is not None:
        return "it does not wait in a queue"
    return None if s.ready else f"not runnable: {s.reason}"
