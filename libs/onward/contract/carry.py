"""What stands for a log whose older events are to be purged, or were: its state and its checkpoints (PROTOCOL T2)."""

from collections.abc import Iterable

import msgspec

from onward.contract import events as ev
from onward.contract.decide import Moment, envelope
from onward.contract.execution import Execution

PART_BYTES = 256 * 1024
"""How much of checkpoints one event takes, beside the state, so that it fits into a message."""


def carry(
    state: Execution, checkpoints: Iterable[ev.CheckpointReached], moment: Moment
) -> tuple[ev.Carried, ...]:
    """The `carried` events to append after `state`; `checkpoints` are those in force. Only the first has the state."""
    parts = _parts(checkpoints)
    whole = msgspec.Raw(msgspec.json.encode(state))
    return tuple(
        ev.Carried(
            **envelope(state, moment, ahead=part),
            state=whole if part == 1 else ev.NOTHING,
            checkpoints=tuple(points),
            part=part,
            parts=len(parts),
        )
        for part, points in enumerate(parts, 1)
    )


def _parts(checkpoints: Iterable[ev.CheckpointReached]) -> list[list[ev.CheckpointReached]]:
    parts: list[list[ev.CheckpointReached]] = [[]]
    size = 0
    for point in checkpoints:
        length = len(ev.encode(point))
        if parts[-1] and size + length > PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(point)
        size += length
    return parts
