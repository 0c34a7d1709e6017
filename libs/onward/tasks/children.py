"""What stands between the author's side of children and whoever creates them: a worker's attempt, or a client."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from onward.contract.events import ChildEnd, TimeoutPolicy
from onward.contract.retry import RetryPolicy
from onward.contract.submission import LABEL, MAX_LABELS


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What all the children of one call have in common."""

    task: str
    queue: str
    priority: int
    labels: dict[str, str] = {}
    retry: RetryPolicy
    timeouts: TimeoutPolicy
    on_exhausted: str = "fail"
    policy: str = "cancel"
    """What the end of the parent does to those that still run: `cancel` or `detach`."""

    def __post_init__(self) -> None:
        if not 1 <= self.priority <= 9:
            raise ValueError(f"priority {self.priority} is not 1 (lowest) to 9")
        if len(self.labels) > MAX_LABELS:
            raise ValueError(f"{len(self.labels)} labels are more than {MAX_LABELS}")
        if any(not 1 <= len(name) <= LABEL or len(value) > LABEL for name, value in self.labels.items()):
            raise ValueError(f"a label's name has 1 to {LABEL} characters, its value at most {LABEL}")


class Children(Protocol):
    """The children of one call, by their place."""

    @property
    def spawned(self) -> int:
        """How many were decided on, by this attempt or an earlier one."""
        ...

    @property
    def ended(self) -> Mapping[int, ChildEnd]:
        """Those that have ended, in the order in which that became known."""
        ...

    def id_of(self, index: int) -> str:
        """The execution id of a child."""
        ...

    async def spawn(self, inputs: Sequence[msgspec.Raw]) -> None:
        """Decide on the next children, and create them."""
        ...

    async def news(self, *, want: int, wake: int, tolerates: int) -> None:
        """Wait until `want` have ended, or more than `tolerates` of them badly; asleep, until `wake` have."""
        ...

    async def output(self, index: int) -> msgspec.Raw:
        """What a child returned that completed."""
        ...

    async def stop(self, places: Iterable[int]) -> None:
        """Cancel those of these that have not ended."""
        ...


class Maker(Protocol):
    """Who can create children where no execution runs: a client that was bound."""

    def children(self, order: Order, key: str | None) -> Children:
        """The children of a call that is made now."""
        ...
