"""What parents' workers and the family keeper do to one child at a time; each of it can be done twice."""

from collections.abc import Callable, Sequence

from onward.bus.begin_permits import BeginPermit, anything
from onward.bus.ports import EventLog, Messages
from onward.contract import events as ev
from onward.contract import family, follow_ups, subjects
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost
from onward.contract.execution import Execution
from onward.contract.log import Decision, Log
from onward.contract.policies import DENIED

Decide = Callable[[Execution], Sequence[ev.AnyEvent]]


async def create(events: EventLog, first: ev.AnyEvent, *more: ev.AnyEvent) -> bool:
    """Begin a log; False where it had begun before."""
    decision = Decision(
        project=first.project, execution_id=first.execution_id, expected=0, events=(first, *more)
    )
    try:
        await events.append(decision)
    except FenceLost:
        return False
    return True


async def begin(events: EventLog, permit: BeginPermit, first: ev.Submitted, moment: Moment) -> bool:
    """Begin the log of what nobody submits at a gateway; where policies deny it, it ends as it begins."""
    denied = await permit(first)
    made = (first,) if denied is None else follow_ups.stopped(first, DENIED, denied, moment)
    return await create(events, *made)


async def decide_on(events: EventLog, log: Log, decide: Decide) -> Log:
    """The log after what `decide` makes of its newest state; unchanged where that is nothing."""
    while made := tuple(decide(log.execution)):
        state = log.execution
        decision = Decision(project=state.project, execution_id=state.id, expected=log.sequence, events=made)
        try:
            return log.then(made, await events.append(decision))
        except FenceLost as lost:
            log = await events.read_on(log, floor=lost.floor)
    return log


async def revive(
    events: EventLog, child: Log, parent: Execution, moment: Moment, *, permit: BeginPermit = anything
) -> Log:
    """Give a child another life, where it ended badly for an earlier one of its parent, unless policies deny that."""
    if not family.revived(child.execution, parent, moment):
        return child
    denied = await permit(child.execution)
    return await decide_on(events, child, lambda state: family.revived(state, parent, moment, denied))


async def stop(
    events: EventLog, messages: Messages, child: Log, moment: Moment, because: str, *, life: int | None = None
) -> Log:
    """Cancel a child that its parent needs no more; `life` is that of a parent which ended."""
    after = await decide_on(
        events, child, lambda state: family.ended_with_parent(state, moment, because, life)
    )
    if after is not child:
        await nudge(messages, after.execution)
    return after


async def nudge(messages: Messages, state: Execution) -> None:
    """Let whoever holds it look at its log."""
    if state.held and not state.ended:
        await messages.publish(subjects.control(state.project, state.id), b"")
