"""How many workers a queue needs: from the slots that are used, and from what waits. Pure."""

import math

import msgspec

TARGET = 0.7
"""The share of slots that is used where nothing has to wait long."""
DRAIN_SECONDS = 60.0
"""In what time that which waits now is to be worked off."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One queue over the last minutes."""

    queue: str
    window_seconds: float
    busy_ms: float
    """Slot-milliseconds that were used for it."""
    ended: int
    """Executions that came to an end in that time."""
    waiting: int
    running: int
    workers: int
    slots: int
    """Of those workers, together."""
    wait_p95_ms: float | None


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """How many workers a queue has, and how many it needs."""

    queue: str
    workers: int
    slots: int
    utilisation: float | None
    """Slots used for it, of the slots of its workers; these may serve other queues as well."""
    waiting: int
    wait_p95_ms: float | None
    suggested: int
    why: str


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """Each queue."""

    items: list[Suggestion]


def suggest(load: Load) -> Suggestion:
    """Workers such that 70 % of their slots are used, and what waits is worked off within a minute."""
    used = max(load.busy_ms / 1000 / load.window_seconds, 0.0)
    each = _seconds_each(load)
    backlog = load.waiting * each / DRAIN_SECONDS
    per_worker = load.slots / load.workers if load.workers else 1.0
    needed = math.ceil(round((used / TARGET + backlog) / max(per_worker, 1.0), 6))
    idle = not (load.waiting or load.running or load.busy_ms or load.ended)
    suggested = 0 if idle else max(1, needed)
    return Suggestion(
        queue=load.queue, workers=load.workers, slots=load.slots, waiting=load.waiting,
        utilisation=round(min(used / load.slots, 1.0), 4) if load.slots else None, wait_p95_ms=load.wait_p95_ms,
        suggested=suggested, why=_why(load, used, suggested),
    )  # fmt: skip


def _seconds_each(load: Load) -> float:
    """Slot-seconds that one execution takes; those that none has ended take long, and without any a guess must do."""
    if not load.busy_ms:
        return 1.0
    return load.busy_ms / 1000 / load.ended if load.ended else DRAIN_SECONDS


def _why(load: Load, used: float, suggested: int) -> str:
    if not suggested:
        return "nothing waits, runs or has ended lately"
    if not load.workers:
        return f"no worker listens, and {load.waiting} wait"
    told = f"{used:.1f} of {load.slots} slots used, {load.waiting} waiting"
    if suggested > load.workers:
        return f"{told}: more workers keep waits short"
    return f"{told}: {'enough' if suggested == load.workers else 'fewer are enough'}"
