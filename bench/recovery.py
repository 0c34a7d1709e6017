"""How soon a killed worker's execution goes on elsewhere.

Two workers, an execution of ten steps of 200 ms; its worker gets SIGKILL 100 ms into the fifth. Seconds from the kill
until a living worker begins a step again, and until the end; the steps that had ended and began again (there must be
none).
"""

import os
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.installation import Platform

STEPS, STEP_SECONDS, KILLED_IN, KILLED_AFTER = 10, 0.2, 5, 0.1
_PATIENCE = 60.0


class Begun(NamedTuple):
    """A step began."""

    at: float
    pid: int
    step: int


def killed(platform: Platform, _count: int) -> dict[str, Any]:
    """One execution whose worker is killed."""
    platform.result(platform.client.submit("noop")["id"])
    ledger = platform.data.parent / f"ledger-{time.time_ns()}"
    given = {"count": STEPS, "seconds": STEP_SECONDS, "ledger": str(ledger)}
    execution = platform.client.submit("slow_steps", given)["id"]
    victim = _wait(ledger, lambda begun: begun.step == KILLED_IN)
    time.sleep(max(0.0, victim.at + KILLED_AFTER - time.time()))
    os.kill(victim.pid, signal.SIGKILL)
    at = time.time()
    onward = _wait(ledger, lambda begun: begun.pid != victim.pid)
    ended = platform.result(execution)
    again = [one.step for one in _read(ledger) if one.pid != victim.pid and one.step < KILLED_IN]
    return {
        "hand_over": "both workers up",
        "recovered": True,
        "kill_to_progress_s": round(onward.at - at, 3),
        "kill_to_done_s": round(time.time() - at, 3),
        "first_step_after": onward.step,
        "finished_steps_rerun": again,
        "result_ok": ended["output"] == STEPS,
    }


def _wait(ledger: Path, is_it: Any) -> Begun:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for begun in _read(ledger):
            if is_it(begun):
                return begun
        time.sleep(0.002)
    raise RuntimeError(f"nothing more happened within {_PATIENCE} s: {_read(ledger)}")


def _read(ledger: Path) -> list[Begun]:
    if not ledger.exists():
        return []
    return [
        Begun(float(at), int(pid), int(step))
        for at, pid, step in map(str.split, ledger.read_text().splitlines())
    ]
