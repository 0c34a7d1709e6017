"""How a step is to be run: what its author asked for, apart from the function itself."""

import msgspec

from onward.contract.retry import ONCE, Retry


class StepPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a step is tried and for how long, and what becomes of it when things go wrong."""

    retry: Retry = ONCE
    timeout: float | None = None
    """Seconds that one try may take."""
    undo: str | None = None
    """The name of the registered step that takes this one's result and undoes it."""


PLAIN = StepPolicy()
