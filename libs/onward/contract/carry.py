"""What stands for a log whose older events are purged: its state, checkpoints and children's ends (PROTOCOL T2)."""

from collections.abc import Iterable

import msgspec

from onward.contract import events as ev
from onward.contract.decide import Moment, envelope
from onward.contract.execution import Execution
from onward.contract.log import checkpoints_in_force, ends_in_force

PART_BYTES = 256 * 1024
"""How much of checkpoints one event takes, beside the state, so that it fits into a message."""


def carry(state: Execution, told: Iterable[ev.AnyEvent], moment: Moment) -> tuple[ev.Carried, ...]:
    """The `carried` events to append after `state`, which `told` led to, in order. Only the first has the state.

    Of what was told, only what tells of checkpoints and of children's ends matters.
    """
    told = tuple(told)
    points = checkpoints_in_force(told, state.fresh_from).values()
    parts = _parts((*points, *ends_in_force(told, state)))
    whole = msgspec.Raw(msgspec.json.encode(state))
    return tuple(
        ev.Carried(
            **envelope(state, moment, ahead=part),
            state=whole if part == 1 else ev.NOTHING,
            checkpoints=tuple(item for item in items if isinstance(item, ev.CheckpointReached)),
            children=tuple(item for item in items if isinstance(item, ev.ChildEnd)),
            part=part,
            parts=len(parts),
        )
        for part, items in enumerate(parts, 1)
    )


def _parts(
    items: Iterable[ev.CheckpointReached | ev.ChildEnd],
) -> list[list[ev.CheckpointReached | ev.ChildEnd]]:
    parts: list[list[ev.CheckpointReached | ev.ChildEnd]] = [[]]
    size = 0
    for item in items:
        length = len(msgspec.json.encode(item))
        if parts[-1] and size + length > PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += length
    return parts
