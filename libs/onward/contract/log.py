"""The log of one execution, read and folded; and a decision about it, ready to be appended."""

from collections.abc import Iterable, Sequence

import msgspec

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold

Identity = tuple[str, str, str]
"""What names a step or a saved state: scope, name and key."""


class Stored(msgspec.Struct, frozen=True):
    """An event and the stream sequence it is stored under."""

    sequence: int
    event: ev.AnyEvent


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at a log decided: 1..k events of one execution, indivisible (PROTOCOL A2).

    `expected` is the sequence of the last event that was seen; 0 creates the log.
    """

    project: str
    execution_id: str
    expected: int
    events: tuple[ev.AnyEvent, ...]


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """All stored events of one execution, what they fold to, and the sequence to append after."""

    stored: tuple[Stored, ...]
    execution: Execution
    sequence: int

    @classmethod
    def of(cls, stored: Iterable[Stored]) -> "Log":
        """The log of these events, put in order. Raises BrokenLog for a hole or none at all (PROTOCOL V2)."""
        ordered = _whole(tuple(sorted(stored, key=lambda s: s.sequence)))
        return cls(stored=ordered, execution=fold(s.event for s in ordered), sequence=ordered[-1].sequence)

    def then(
        self, events: Sequence[ev.AnyEvent], last_sequence: int, after: Execution | None = None
    ) -> "Log":
        """The log after its own decision was appended as `last_sequence`; `after`, where known, is what it folds to."""
        first = last_sequence - len(events) + 1
        new = tuple(Stored(first + i, event) for i, event in enumerate(events))
        return Log(
            stored=self.stored + new,
            execution=fold((s.event for s in new), self.execution) if after is None else after,
            sequence=last_sequence,
        )

    def checkpoints(self) -> dict[Identity, ev.CheckpointReached]:
        """The checkpoints in force by (scope, name, key); a later one replaces an earlier one."""
        return checkpoints_in_force((item.event for item in self.stored), self.execution.fresh_from)

    def children(self, group: str) -> dict[int, ev.ChildEnd]:
        """How the children of a group ended whose end the parent knows, by place."""
        ends = ends_in_force((item.event for item in self.stored), self.execution)
        return {end.index: end for end in ends if end.group == group}


def _whole(ordered: tuple[Stored, ...]) -> tuple[Stored, ...]:
    """These events from where they can be folded: their beginning, or the first carried state (PROTOCOL V2).

    Behind a hole, which damage leaves, that is the first carried state behind it.
    """
    if not ordered:
        raise BrokenLog("an empty log")
    unbroken = ordered[-1].event.n - ordered[0].event.n == len(ordered) - 1
    if unbroken and ordered[0].event.n == 1:
        return ordered
    behind = 0 if unbroken else behind_the_last_hole(ordered)
    carried = (
        i
        for i, item in enumerate(ordered)
        if i >= behind and isinstance(item.event, ev.Carried) and item.event.part == 1
    )
    return ordered[next(carried, 0) :]


def behind_the_last_hole(ordered: Sequence[Stored]) -> int:
    """The place from which on these events follow each other to the last one."""
    for place in range(len(ordered) - 1, 0, -1):
        if ordered[place].event.n != ordered[place - 1].event.n + 1:
            return place
    return 0


def checkpoints_in(event: ev.AnyEvent) -> tuple[ev.CheckpointReached, ...]:
    """The checkpoints that one event brings: itself, what a person gave, or those it carries."""
    match event:
        case ev.CheckpointReached():
            return (event,)
        case ev.StepEdited():
            return (_given(event),)
        case ev.Carried():
            return event.checkpoints
    return ()


def checkpoints_in_force(
    events: Iterable[ev.AnyEvent], after: int = 0
) -> dict[Identity, ev.CheckpointReached]:
    """What is saved after these events, in order: undone and forgotten ones are not. `after` is `fresh_from`."""
    found: dict[Identity, ev.CheckpointReached] = {}
    for event in events:
        if isinstance(event, ev.RetryRequested) and event.forget_from is not None:
            found = {key: point for key, point in found.items() if point.n < event.forget_from}
        for point in checkpoints_in(event):
            if point.kind == "undo":
                found.pop((point.scope, point.name, point.key), None)
            elif point.n > after:
                found[point.scope, point.name, point.key] = point
    return found


def _given(event: ev.StepEdited) -> ev.CheckpointReached:
    return ev.CheckpointReached(
        id=event.id, project=event.project, execution_id=event.execution_id, n=event.n, at=event.at,
        routes=event.routes, actor=event.actor, attempt=0, kind="step", scope=event.scope, name=event.name,
        key=event.key, result=event.result, edited=True,
    )  # fmt: skip


def ends_in_force(events: Iterable[ev.AnyEvent], state: Execution) -> tuple[ev.ChildEnd, ...]:
    """The ends of children that these events tell of and that `state`, which they make, still counts."""
    found: dict[tuple[str, int], ev.ChildEnd] = {}
    counted = {name: (group.born, int(group.ended, 16)) for name, group in state.groups.items()}
    for event in events:
        for end in _ends_in(event):
            born, ended = counted.get(end.group, (0, 0))
            if born == end.born and ended >> end.index & 1:
                found[end.group, end.index] = end
    return tuple(found.values())


def _ends_in(event: ev.AnyEvent) -> tuple[ev.ChildEnd, ...]:
    match event:
        case ev.ChildrenDone():
            return event.ends
        case ev.Carried():
            return event.children
    return ()
