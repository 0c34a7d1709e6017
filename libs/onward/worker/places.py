"""Where in its code an attempt is: the scope, and the place of a call among its namesakes there."""

from contextvars import ContextVar

scope_here: ContextVar[str] = ContextVar("onward_scope", default="")
"""The steps around the code that runs now, from the outside in."""


class Places:
    """Counts calls when they are made, so that the order in which they run does not matter."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}

    def next(self, scope: str, name: str) -> str:
        """The key of the next call of this name: nothing for the first, then #2, #3 and so on."""
        count = self._counts[scope, name] = self._counts.get((scope, name), 0) + 1
        return "" if count == 1 else f"#{count}"

    def wait(self, name: str) -> str:
        """The key of the next wait of this name in the scope we are in."""
        scope = scope_here.get()
        return f"{scope}/{name}{self.next(scope, name)}".lstrip("/")
