"""How a step is to be run: what its author asked for, apart from the function itself."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from onward.contract.retry import ONCE, Retry

OnDrift = Literal["warn", "rerun", "hold"]
"""What happens to a step that is saved, and called with other arguments."""
OnExhausted = Literal["fail", "hold", "ask"]
"""What happens to an execution whose last attempt has failed."""


class StepPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a step is tried and for how long, and what becomes of it when things go wrong."""

    retry: Retry = ONCE
    timeout: float | None = None
    """Seconds that one try may take."""
    undo: str | None = None
    """The name of the registered step that takes this one's result and undoes it."""
    once: bool = False
    """Whether it runs at most once: after a crash in the middle of it, it is in doubt."""
    verify: Callable[..., Any] | None = None
    """Finds out about a step in doubt: takes its arguments, returns its result or raises NotDone."""
    policy: str | None = None
    """The name of a policy that is asked before it runs."""
    on_drift: OnDrift | None = None
    """What happens when it is saved with other arguments; None: as the task says."""


PLAIN = StepPolicy()
AT_MOST_ONCE = StepPolicy(once=True)
