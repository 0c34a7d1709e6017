"""The log of one execution, read and folded; and a decision about it, ready to be appended."""

from collections.abc import Iterable, Sequence

import msgspec

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold


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

    def then(self, events: Sequence[ev.AnyEvent], last_sequence: int) -> "Log":
        """The log after its own decision was appended; the last event has `last_sequence`."""
        first = last_sequence - len(events) + 1
        new = tuple(Stored(first + i, event) for i, event in enumerate(events))
        return Log(
            stored=self.stored + new,
            execution=fold((s.event for s in new), self.execution),
            sequence=last_sequence,
        )

    def checkpoints(self) -> dict[tuple[str, str, str], ev.CheckpointReached]:
        """The checkpoints in force by (scope, name, key); a later one replaces an earlier one."""
        found: dict[tuple[str, str, str], ev.CheckpointReached] = {}
        for item in self.stored:
            for point in checkpoints_in(item.event):
                if point.n > self.execution.fresh_from:
                    found[point.scope, point.name, point.key] = point
        return found


def _whole(ordered: tuple[Stored, ...]) -> tuple[Stored, ...]:
    """These events from where they can be folded: their beginning, or the first carried state (PROTOCOL V2)."""
    if not ordered:
        raise BrokenLog("an empty log")
    if ordered[0].event.n == 1:
        return ordered
    carried = (
        i for i, item in enumerate(ordered) if isinstance(item.event, ev.Carried) and item.event.part == 1
    )
    return ordered[next(carried, 0) :]


def checkpoints_in(event: ev.AnyEvent) -> tuple[ev.CheckpointReached, ...]:
    """The checkpoints that one event brings: itself, or those it carries."""
    if isinstance(event, ev.CheckpointReached):
        return (event,)
    return event.checkpoints if isinstance(event, ev.Carried) else ()
