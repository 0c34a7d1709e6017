"""Events of a parent and its children."""

import msgspec

from onward.contract.events.envelope import Event, Failure, RawOrNone, TimeoutPolicy
from onward.contract.retry import RetryPolicy


class ChildrenSpawned(Event, frozen=True, kw_only=True, omit_defaults=True, tag="children_spawned"):
    """The parent decided on children `first` … of a group; who creates them comes after (PROTOCOL F1).

    A child's id follows from parent, group, its birth and index (ids.child_id).
    """

    group: str
    first: int
    inputs: tuple[msgspec.Raw, ...]
    task: str
    queue: str
    priority: int = 5
    labels: dict[str, str] = {}
    retry: RetryPolicy = RetryPolicy()
    timeouts: TimeoutPolicy = TimeoutPolicy()
    on_exhausted: str = "fail"
    policy: str = "cancel"
    """What the end of the parent does to those that still run: `cancel` or `detach`."""


class ChildEnd(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one child ended. A small output stands here, a larger one is read from the child."""

    group: str
    born: int
    index: int
    outcome: str
    """`completed`, `failed` or `cancelled`."""
    life: int = 1
    """The parent's life that wanted it."""
    output: RawOrNone = None
    error: Failure | None = None


class ChildrenDone(Event, frozen=True, kw_only=True, omit_defaults=True, tag="children_done"):
    """Up to 200 children have ended; a wake where the parent waits for no more than these (PROTOCOL F2)."""

    ends: tuple[ChildEnd, ...]
