"""Events of an execution that has limits: at the gate, and admitted."""

from onward.contract.events.envelope import Event
from onward.contract.limit import LimitPolicy


class Admitted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="admitted"):
    """Its limits let it go on; a wake to the route of its queue. `grants`: the keys it holds now, with their epochs."""

    grants: dict[str, int] = {}
    fired: int | None = None
    """The `n` of the event whose timer fired."""


class Gated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="gated"):
    """To the gate: a worker found that its queue or task has a limit by now. Or once more, to give back some keys."""

    limits: tuple[LimitPolicy, ...]
    fired: int | None = None
