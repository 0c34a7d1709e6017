"""Where a test kit stands: around each try of a step's function. Nobody stands there in production."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import msgspec


class StepTry(msgspec.Struct, frozen=True):
    """Which step is about to be tried, and of which execution."""

    execution_id: str
    scope: str
    name: str
    key: str

    @property
    def names(self) -> dict[str, str]:
        """What identifies the step in events."""
        return {"scope": self.scope, "name": self.name, "key": self.key}


Run = Callable[[], Awaitable[Any]]
Around = Callable[[StepTry, Run], Awaitable[Any]]

around_steps: ContextVar[Around | None] = ContextVar("onward_around_steps", default=None)
"""Called in place of a try; it calls the function it is given, or raises what that would have raised."""


def tried(step: StepTry, run: Run) -> Awaitable[Any]:
    """Try a step."""
    around = around_steps.get()
    return run() if around is None else around(step, run)
