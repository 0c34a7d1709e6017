"""What must be known about an execution, and the place it waits in, to say why it does not run."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Execution
from onward.contract.view import StallView


class WorkerFact(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it was last heard: `listening`, `paused`, `draining` or `gone`."""

    worker_id: str
    status: str
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    slots: int
    busy: int
    last_seen: datetime
    holds: bool = False
    """Whether it says that it holds this execution."""


class QueueFact(msgspec.Struct, frozen=True, kw_only=True):
    """The queue it waits in."""

    name: str
    known: bool = True
    """Whether there is such a queue in CONFIG."""
    paused: bool = False
    paused_by: str | None = None
    paused_since: datetime | None = None
    paused_because: str | None = None


class HolderFact(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that holds a limit's key, since when, and what it does with it."""

    execution_id: str
    since: datetime | None = None
    worker_id: str | None = None
    """Who runs it now; None: it waits itself, or that could not be asked."""
    reason: str | None = None
    """What it waits for, where no worker runs it."""


class LimitFact(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that keeps it from starting: `key`, `queue`, `task` or `rate`."""

    kind: str
    name: str
    most: int
    holders: tuple[HolderFact, ...] = ()
    """Some that hold its places, the oldest first."""
    held: int = 0
    """How many places are held."""
    place: int | None = None
    """Its own place in line, from 1."""
    behind: bool = False
    """Whether there is room, and others of its line go first."""
    back_at: datetime | None = None
    """When its rate lets this one start, if nobody goes first who is not in line yet."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where it stands in its class of the queue, and how fast that empties."""

    ahead: int
    per_second: float | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that `explain` looks at. What could not be asked is None, and named in `not_asked` with the reason."""

    now: datetime
    state: Execution
    events: tuple[ev.AnyEvent, ...]
    queue: QueueFact
    workers: tuple[WorkerFact, ...]
    standing: Standing | None = None
    limits: tuple[LimitFact, ...] = ()
    failed_children: tuple[str, ...] = ()
    stalled: StallView | None = None
    not_asked: tuple[str, ...] = ()

    def last(self, *kinds: type[ev.Event]) -> Any:
        """The last event of these kinds that is known, or None."""
        return last_of(self.events, kinds)

    @property
    def owner(self) -> WorkerFact | None:
        """The worker that holds it, if that was heard of."""
        return next((one for one in self.workers if one.worker_id == self.state.worker_id), None)


def last_of(events: Iterable[ev.AnyEvent], kinds: tuple[type[ev.Event], ...]) -> Any:
    """The last of these events that is of one of these kinds, or None."""
    found = None
    for event in events:
        if isinstance(event, kinds):
            found = event
    return found
