"""Which branches an end takes, and what follows then: pure, from the folded state.

The terminal event itself names what follows, so there is one answer, and it is on disk with the outcome. Whoever then
creates it (bus/triggers.py) may do that twice.
"""

import msgspec

from onward.contract import ids
from onward.contract.events.triggers import Trigger, Triggered
from onward.contract.execution import Execution

ON = ("success", "failure", "any")
DEEPEST = 8
"""How many follow each other, at most."""
LARGEST = 64 * 1024
"""Bytes of all branches of an execution, with theirs."""
REMEMBERED = 32
_TAKEN = {
    "completed": frozenset({"success", "any"}),
    "failed": frozenset({"failure", "any"}),
    "cancelled": frozenset({"any"}),
}


def branches(state: Execution, outcome: str) -> tuple[Triggered, ...]:
    """What an end means for each branch: an id follows from execution, branch and life. `held` is no end."""
    if outcome not in _TAKEN:
        return ()
    return tuple(
        _taken(state, trigger)
        if trigger.on in _TAKEN[outcome]
        else Triggered(on=trigger.on, life=state.lives)
        for trigger in state.then
    )


def _taken(state: Execution, trigger: Trigger) -> Triggered:
    submit = msgspec.structs.replace(
        trigger,
        labels={**state.labels, **trigger.labels},
        environment=trigger.environment or state.environment,
    )
    return Triggered(
        on=trigger.on, life=state.lives, execution_id=ids.follow_up_id(state.id, trigger.on, state.lives),
        submit=submit, task=state.task, root_id=state.root_id or state.id,
    )  # fmt: skip


class BranchView(msgspec.Struct, frozen=True, kw_only=True):
    """One of the executions that are to follow: `waiting`, or `started` or `skipped` at the end of this life."""

    on: str
    """`success`, `failure` or `any`."""
    task: str
    status: str
    life: int
    execution_id: str | None


def shown(state: Execution) -> list[BranchView]:
    """What followed its earlier lives, and what follows this one."""
    tasks = {trigger.on: trigger.task for trigger in state.then}
    told = {(one.life, one.on): one for one in state.triggered}
    earlier = [one for one in state.triggered if one.life < state.lives and one.execution_id is not None]
    ends = [told.get((state.lives, on), Triggered(on=on, life=state.lives)) for on in tasks]
    return [
        BranchView(
            on=one.on, task=tasks.get(one.on, ""), life=one.life, execution_id=one.execution_id,
            status="started" if one.execution_id else "skipped" if (one.life, one.on) in told else "waiting",
        )
        for one in (*earlier, *ends)
    ]  # fmt: skip


def remembered(state: Execution, told: tuple[Triggered, ...]) -> tuple[Triggered, ...]:
    """What an execution knows of its ends after one more: who followed, and what was skipped."""
    brief = (msgspec.structs.replace(one, submit=None, task=None, root_id=None) for one in told)
    return (*state.triggered, *brief)[-REMEMBERED:]
