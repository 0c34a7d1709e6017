"""What this worker was told: paused, draining, how many slots. It holds for the life of the process.

Told on the keeper's loop, which may be another thread than the engine's: so a worker whose code blocks answers, too.
"""

from collections.abc import Callable

from onward.contract.workers import MOST_SLOTS, Order


class Orders:
    """Read by the engine and its keeper, each act on it a single one; `changed` is called after each order."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.paused = False
        self.draining = False
        self.leaving = False
        """Whether the process ends once nothing runs."""
        self.changed: Callable[[], object] = lambda: None

    @property
    def resting(self) -> bool:
        """Whether nothing new is taken."""
        return self.paused or self.draining

    def take(self, order: Order) -> None:
        """Holds to this from now on. Raises ValueError for what makes no sense."""
        match order.act:
            case "drain":
                self.draining, self.leaving = True, order.exit
            case "pause":
                self.paused = True
            case "resume":
                self.paused = self.draining = self.leaving = False
            case "slots":
                if order.slots is None or not 1 <= order.slots <= MOST_SLOTS:
                    raise ValueError(f"slots must be 1 to {MOST_SLOTS}")
                self.slots = order.slots
        self.changed()
