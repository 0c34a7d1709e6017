"""What a worker can be told while it runs, and what it says of itself."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from onward.contract.submission import Heartbeat

LISTENING, PAUSED, DRAINING, DRAINED, GONE = "listening", "paused", "draining", "drained", "gone"
MOST_SLOTS = 10_000

Slots = Annotated[int, msgspec.Meta(ge=1, le=MOST_SLOTS)]


class DrainCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Finish what runs and take nothing new; with `exit` the worker ends when that is done."""

    exit: bool = False


class NoCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There is nothing to say beside the address."""


class SlotsCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Run so many executions at once; what runs beyond that ends first."""

    slots: Slots


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told, as it is sent to it; it holds for the life of its process."""

    act: Literal["drain", "pause", "resume", "slots"]
    exit: bool = False
    slots: int | None = None
    actor: str | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker stands: its answer to an order, which it holds to from now on."""

    status: str
    slots: int
    busy: int
    leaving: bool = False
    """Whether it ends once it has drained."""


def status(*, draining: bool, paused: bool, busy: int) -> str:
    """A worker's state in one word, while it gives signs of life."""
    if draining:
        return DRAINING if busy else DRAINED
    return PAUSED if paused else LISTENING


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as people read it: `listening`, `paused`, `draining`, `drained`, or `gone` when it is silent."""

    worker_id: str
    status: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    slots: int
    busy: int
    started_at: datetime
    last_seen: datetime
    weights: dict[str, float] = {}
    """Of its queues, where one has another than 1."""
    executions: tuple[str, ...] = ()
    """What it holds now."""


def shown(beat: Heartbeat, seen: datetime, *, gone: bool = False) -> WorkerView:
    """A worker after its last heartbeat, heard at `seen`."""
    busy = 0 if gone else len(beat.holds)
    return WorkerView(
        worker_id=beat.worker_id, host=beat.host, pid=beat.pid, version=beat.version, queues=beat.queues,
        tasks=beat.tasks, slots=beat.slots, busy=busy, started_at=beat.started_at, last_seen=seen,
        weights=beat.weights, executions=() if gone else tuple(beat.holds),
        status=GONE if gone else status(draining=beat.draining, paused=beat.paused, busy=busy),
    )  # fmt: skip
