"""The event that stands for what was purged."""

import msgspec

from onward.contract.events.envelope import Event
from onward.contract.events.family import ChildEnd
from onward.contract.events.steps import CheckpointReached


class Carried(Event, frozen=True, kw_only=True, omit_defaults=True, tag="carried"):
    """The folded state of a log whose older events are purged, its checkpoints and its children's ends (PROTOCOL T2).

    `state` is the JSON of the execution (lifecycle.Execution) as it was at `n - part`; long checkpoint lists are split
    over `parts` events of one decision.
    """

    state: msgspec.Raw
    checkpoints: tuple[CheckpointReached, ...] = ()
    children: tuple[ChildEnd, ...] = ()
    part: int = 1
    parts: int = 1
