"""What parents and children do to each other, made into events: pure, from folded states (PROTOCOL F1-F3)."""

from collections.abc import Iterable

import msgspec

from onward.contract import events as ev
from onward.contract import ids
from onward.contract.commands import cancel
from onward.contract.decide import Moment, deadlines, envelope, failing, submit
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle import fold
from onward.contract.lifecycle.waiting import can_wake, enough, with_ends
from onward.contract.log import Log, ends_in_force
from onward.contract.policies import DENIED

INLINE = 1024
"""Bytes of a child's output that its parent keeps; a larger one is read from the child."""
MOST_ENDS = 200
"""Ends that one event tells of: none grows with the number of children."""


def child_events(spawned: ev.ChildrenSpawned, parent: Execution, moment: Moment) -> list[ev.Submitted]:
    """The first event of each child that `spawned` decided on, as whoever creates it would write it."""
    return [
        _child(spawned, parent, index, given, moment)
        for index, given in enumerate(spawned.inputs, spawned.first)
    ]


def _child(
    spawned: ev.ChildrenSpawned, parent: Execution, index: int, given: msgspec.Raw, moment: Moment
) -> ev.Submitted:
    born = parent.groups[spawned.group].born
    whose = ev.ChildOf(parent_id=parent.id, group=spawned.group, born=born, index=index, life=parent.lives)
    return submit(
        execution_id=ids.child_id(parent.id, spawned.group, born, index), project=parent.project, moment=moment,
        queue=spawned.queue, priority=spawned.priority, run_at=None, timeouts=spawned.timeouts, task=spawned.task,
        input=given, labels=spawned.labels, retry=spawned.retry, on_exhausted=spawned.on_exhausted, child_of=whose,
        parent_id=parent.id, root_id=parent.root_id or parent.id, environment=parent.environment, source="task",
        retention=parent.retention,
    )  # fmt: skip


def revived(
    child: Execution, parent: Execution, moment: Moment, denied: ev.Failure | None = None
) -> tuple[ev.AnyEvent, ...]:
    """Another life for a child that failed or was cancelled in an earlier life of its parent; else nothing.

    Where policies deny it by now, that life ends as it begins, and the parent hears of that.
    """
    whose = child.child_of
    if whose is None or child.status not in (Status.FAILED, Status.CANCELLED) or whose.life >= parent.lives:
        return ()
    fields = {
        **envelope(child, moment, wake=child.route),
        "deadlines": deadlines(child.timeouts, moment.now),
    }
    again = ev.RetryRequested(**fields, life=parent.lives)
    if denied is None:
        return (again,)
    again = msgspec.structs.replace(again, wake=None, deadlines={})
    return (again, failing(fold((again,), child), moment, DENIED, denied))


def child_end(event: ev.AnyEvent) -> ev.ChildEnd | None:
    """What a terminal event tells the parent; None where there is no parent, or where it is not the end."""
    if not isinstance(event, ev.TERMINAL) or event.child_of is None:
        return None
    whose, output, error = event.child_of, None, None
    match event:
        case ev.Completed(output=value):
            outcome, output = "completed", value if len(bytes(value)) <= INLINE else None
        case ev.Failed(reason="held"):
            return None
        case ev.Failed(error=raised):
            outcome, error = (
                "failed",
                msgspec.structs.replace(raised, stack=None, message=raised.message[:1000]),
            )
        case _:
            outcome = "cancelled"
    return ev.ChildEnd(
        group=whose.group, born=whose.born, index=whose.index, life=whose.life, outcome=outcome, output=output,
        error=error,
    )  # fmt: skip


def children_done(parent: Execution, ends: Iterable[ev.ChildEnd], moment: Moment) -> tuple[ev.AnyEvent, ...]:
    """The parent hears of those ends that are news to it, a wake where it has waited for no more; idempotent."""
    news = tuple(_news(parent, ends))
    if not news or parent.ended:
        return ()
    wakes = can_wake(parent) and enough(with_ends(parent.groups, news), parent.wants, parent.tolerates)
    return (ev.ChildrenDone(**envelope(parent, moment, wake=parent.route if wakes else None), ends=news),)


def _news(parent: Execution, ends: Iterable[ev.ChildEnd]) -> Iterable[ev.ChildEnd]:
    known: dict[str, int] = {}
    for end in ends:
        group = parent.groups.get(end.group)
        if group is None or group.born != end.born or end.index >= group.spawned:
            continue
        ended = known.setdefault(end.group, int(group.ended, 16))
        if ended >> end.index & 1 or _is_of_an_earlier_life(parent, end):
            continue
        known[end.group] = ended | 1 << end.index
        yield end


def _is_of_an_earlier_life(parent: Execution, end: ev.ChildEnd) -> bool:
    return end.outcome != "completed" and end.life < parent.lives


def unheard_of(parent: Execution, ends: Iterable[ev.ChildEnd]) -> bool:
    """Whether some of these are of children that this life of the parent decided on later than this state."""
    return not parent.ended and any(
        end.life >= parent.lives
        and (
            (group := parent.groups.get(end.group)) is None
            or group.born < end.born
            or (group.born == end.born and group.spawned <= end.index)
        )
        for end in ends
    )


def left_behind(parent: Execution, ends: Iterable[ev.ChildEnd]) -> list[str]:
    """The ids of those that ended badly for an earlier life of the parent while this one counts on them."""
    if parent.ended:
        return []
    return [
        ids.child_id(parent.id, end.group, end.born, end.index)
        for end in ends
        if _is_of_an_earlier_life(parent, end)
        and (group := parent.groups.get(end.group)) is not None
        and group.born == end.born
        and end.index < group.spawned
        and not group.has_ended(end.index)
    ]


def ends_by_group(told: Iterable[ev.AnyEvent], parent: Execution) -> dict[str, dict[int, ev.ChildEnd]]:
    """The ends that these events tell of and that the parent still counts, by group and place, in their order."""
    found: dict[str, dict[int, ev.ChildEnd]] = {}
    for end in ends_in_force(told, parent):
        found.setdefault(end.group, {})[end.index] = end
    return found


def in_doubt(parent: Log) -> bool:
    """Whether children that were decided on may not be there.

    A worker creates what it decided on before it lets go to wait; so those of before the last such event are there.
    """
    for item in reversed(parent.stored):
        match item.event:
            case ev.Suspended():
                return False
            case ev.ChildrenSpawned() | ev.RetryRequested() | ev.Carried():
                return True
    return False


def orphans(parent: Execution) -> dict[str, tuple[str, int]]:
    """The children that the end of this parent stops: group and place by id (PROTOCOL F3)."""
    return {
        ids.child_id(parent.id, name, group.born, index): (name, index)
        for name, group in parent.groups.items()
        if group.policy == "cancel"
        for index in group.open()
    }


def forgotten(parent: Log, ended_by: int) -> Log | None:
    """The parent as it was when event `ended_by` ended it, with only the groups that a later life has forgotten.

    None where there are none, or where what was before is no longer in the log.
    """
    now = parent.execution.groups
    if not parent.stored or parent.stored[0].event.n > ended_by or parent.execution.n <= ended_by:
        return None
    then = fold(item.event for item in parent.stored if item.event.n <= ended_by)
    gone = {
        name: group
        for name, group in then.groups.items()
        if (here := now.get(name)) is None or here.born != group.born
    }
    return (
        msgspec.structs.replace(parent, execution=msgspec.structs.replace(then, groups=gone))
        if gone
        else None
    )


def spawn_of(told: Iterable[ev.AnyEvent], group: str, born: int, index: int) -> ev.ChildrenSpawned | None:
    """The event that decided on a child; None where it is purged, and the child with it, if it was ever created."""
    for event in told:
        if not isinstance(event, ev.ChildrenSpawned) or event.group != group or event.n < born:
            continue
        if event.first <= index < event.first + len(event.inputs):
            return event
    return None


def first_event(spawned: ev.ChildrenSpawned, parent: Execution, index: int, moment: Moment) -> ev.Submitted:
    """The first event of the child at this place."""
    return _child(spawned, parent, index, spawned.inputs[index - spawned.first], moment)


def never_created(
    parent: Execution, execution_id: str, spawned: ev.ChildrenSpawned, index: int, moment: Moment
) -> tuple[ev.AnyEvent, ...]:
    """A child that was decided on and not created before its parent was cancelled: it begins and ends at once.

    So its log exists, and a zombie of the parent's worker cannot create it later (PROTOCOL F3).
    """
    given = spawned.inputs[index - spawned.first]
    first = _child(spawned, parent, index, given, moment)
    assert first.execution_id == execution_id  # noqa: S101 - both follow from parent, group and place
    first = msgspec.structs.replace(first, wake=None, deadlines={})
    return (first, _cancelled_second(first, moment))


def _cancelled_second(first: ev.Submitted, moment: Moment) -> ev.Cancelled:
    return ev.Cancelled(
        id=moment.new_id(), project=first.project, execution_id=first.execution_id, n=2, at=moment.now,
        routes=first.routes, actor=moment.actor, trace=moment.trace, because="parent_ended", child_of=first.child_of,
    )  # fmt: skip


def ended_with_parent(
    child: Execution, moment: Moment, because: str = "parent_ended", life: int | None = None
) -> tuple[ev.AnyEvent, ...]:
    """The cancel of a child that its parent needs no more; nothing where it has ended or is being cancelled.

    `life` is that of the parent which ended: a child that a later one has revived is not meant.
    """
    if life is not None and child.child_of is not None and child.child_of.life > life:
        return ()
    # One that is held for repair has not ended, and nobody waits for it any more.
    if child.final or child.cancelling or child.ending is not None:
        return ()
    return cancel(child, moment, because)
