"""What limits make of an execution: at the gate, admitted, and what it gives back. No clock, no I/O."""

from typing import Any

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle.waiting import elapsed

_NO_TIMER: dict[str, Any] = {"due": None, "asked_due": None}


def admitted(s: Execution, e: ev.Admitted) -> dict[str, Any]:
    """A worker may claim it."""
    return {
        "reason": "queued" if s.status is Status.PENDING else "waiting_for_worker", "ready": True, "ready_by": e.n,
        "route": subjects.route(s.queue, s.priority), "grants": e.grants,
        "waits": s.waits if e.fired is None else elapsed(s), **_NO_TIMER,
    }  # fmt: skip


def gated(s: Execution, e: ev.Gated) -> dict[str, Any]:
    """It waits for its limits first."""
    return {
        "reason": "limited", "ready": True, "ready_by": e.n, "route": subjects.gate(s.priority), "limits": e.limits,
        "waits": s.waits if e.fired is None else elapsed(s), **_NO_TIMER,
    }  # fmt: skip


def given_back(s: Execution, keys: tuple[str, ...]) -> dict[str, Any]:
    """It has to be admitted again before it goes on."""
    if not keys:
        return {}
    grants = {key: epoch for key, epoch in s.grants.items() if key not in keys}
    return {"grants": grants, "route": subjects.gate(s.priority)}
