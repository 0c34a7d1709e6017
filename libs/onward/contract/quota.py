"""How much of a project may wait at once: what its backlog allows, and when to come back."""

from typing import ClassVar

import msgspec

from onward.contract.resource import Resource

LONGEST = 60.0
SHORTEST = 1.0
UNKNOWN = 15.0
"""Seconds to come back after while nobody knows how fast the backlog goes down."""


BACKLOG = "backlog"
"""The name of the one quota that a project may have."""


class QuotaSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of a project's backlog: CONFIG kind `quota`. None: no limit."""

    KIND: ClassVar[str] = "quota"

    waiting: int | None = None
    """Executions that wait in queues."""
    bytes: int | None = None
    """What their inputs come to, about."""


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the queues of a project, as it was at `at` (seconds of any clock)."""

    waiting: int = 0
    bytes: int = 0
    drained: float | None = None
    """How many of them leave in a second; None: not known."""
    at: float = 0.0


class Over(msgspec.Struct, frozen=True):
    """A backlog is at its limit: in words, and in how many seconds there is room again."""

    what: str
    retry_after: float


def over(backlog: Backlog, quota: QuotaSpec) -> Over | None:
    """Why one more may not wait; None: it may."""
    if quota.waiting is not None and backlog.waiting >= quota.waiting:
        excess = backlog.waiting - quota.waiting + 1
        what = f"{backlog.waiting} executions wait, and the limit of this project is {quota.waiting}"
        return Over(what, _until(excess, backlog.drained))
    if quota.bytes is not None and backlog.bytes >= quota.bytes:
        each = max(1.0, backlog.bytes / max(1, backlog.waiting))
        excess = int((backlog.bytes - quota.bytes) / each) + 1
        what = f"what waits comes to {backlog.bytes} bytes, and the limit of this project is {quota.bytes}"
        return Over(what, _until(excess, backlog.drained))
    return None


def _until(excess: int, drained: float | None) -> float:
    if drained is None:
        return UNKNOWN
    return min(LONGEST, max(SHORTEST, excess / drained)) if drained > 0 else LONGEST


def looked(before: Backlog | None, waiting: int, size: int, *, came: int, now: float) -> Backlog:
    """The backlog after another look; `came` were added since the one before.

    What left since then tells how fast it goes down, smoothed over a few looks.
    """
    drained = before.drained if before else None
    if before is not None and now > before.at:
        rate = max(0.0, before.waiting + came - waiting) / (now - before.at)
        drained = rate if drained is None else (drained + rate) / 2
    return Backlog(waiting=waiting, bytes=size, drained=drained, at=now)
