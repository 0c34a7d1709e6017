"""What submits executions by time: CONFIG kind `schedule`, and where each of them is."""

from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, Literal

import msgspec

from onward.contract.resource import Resource

Overlap = Literal["allow", "skip", "queue", "replace"]
"""What a tick does while an execution of an earlier one has not ended."""
Missed = Literal["skip", "last", "all"]
"""Which ticks are made up for that passed while nobody was there to fire them."""
Outcome = Literal["fired", "refused", "skipped", "missed"]
Cause = Literal["time", "catch_up", "trigger", "backfill"]

HOUR = 3600.0


class ScheduleSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """What to submit, and when: by `cron` in a `zone`, `every` so many seconds, or once `at` a time."""

    KIND: ClassVar[str] = "schedule"

    submission: dict[str, Any] = {}
    """The body of `POST /executions`, with templates in it."""
    description: str | None = None
    cron: str | None = None
    """Five fields, or @hourly, @daily and so on."""
    zone: str = "UTC"
    every: float | None = None
    """Seconds, counted from `start`, or from 1970 on: nothing drifts."""
    at: datetime | None = None
    jitter: float = 0.0
    """Seconds that a firing may come after its tick; always the same for one tick."""
    overlap: Overlap = "allow"
    most_waiting: int = 1
    """How many ticks wait with overlap `queue`."""
    missed: Missed = "all"
    window: float = HOUR
    """Seconds within which a missed tick is made up for."""
    start: datetime | None = None
    end: datetime | None = None
    max_runs: int | None = None
    paused: bool = False
    paused_because: str | None = None
    uid: str = ""
    """Given at its creation: another schedule of the same name has other ticks."""
    since: datetime | None = None
    """Ticks up to here are none of its: when it was made, changed in its times, or resumed."""


class Firing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tick that was decided to start an execution, which may not be stored yet."""

    tick: datetime
    execution_id: str
    cause: Cause = "time"
    by: str | None = None


class Backfill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Ticks of a past time that somebody asked for: after `position`, up to `until`, so many a minute."""

    id: str
    position: datetime
    until: datetime
    rate: float
    started: datetime
    done: int = 0
    by: str | None = None


class TickRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a tick, for the history; `until` and `count` stand for a row of ticks with one reason."""

    tick: datetime
    outcome: Outcome
    cause: Cause = "time"
    reason: str | None = None
    execution_id: str | None = None
    by: str | None = None
    until: datetime | None = None
    count: int = 1


class ScheduleState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a schedule is: the newest message of its subject in TICKS, which is written under a fence.

    A tick is decided once, by the message whose `position` passes it; `open` holds what is still to be submitted.
    """

    uid: str
    position: datetime
    at: datetime
    """When this was decided."""
    open: tuple[Firing, ...] = ()
    waiting: tuple[datetime, ...] = ()
    active: tuple[str, ...] = ()
    """Executions that have not been seen ended; only where overlap needs to know."""
    replaced: tuple[str, ...] = ()
    """Executions to cancel before what is open is submitted."""
    runs: int = 0
    backfills: tuple[Backfill, ...] = ()
    rows: tuple[TickRow, ...] = ()
    """What this message adds to the history."""


class TickView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a tick, as it is shown; with the present status of what it started."""

    tick: datetime
    outcome: Outcome
    cause: Cause
    reason: str | None
    execution_id: str | None
    by: str | None
    until: datetime | None
    """The last one of a row of `count` ticks with one reason."""
    count: int
    decided_at: datetime
    status: str | None
    duration_ms: float | None


class NextTick(msgspec.Struct, frozen=True, kw_only=True):
    """A tick to come: in UTC, as the clocks of its zone show it, and when it fires where there is a jitter."""

    tick: datetime
    local: str
    fires_at: datetime
    note: str | None
    """Where the clocks change close to it."""


class BackfillView(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill: how many ticks it starts, and how long that takes; without an id it was only counted."""

    id: str | None
    count: int
    since: datetime
    until: datetime
    seconds: float


def variables(spec: ScheduleSpec, firing: Firing, zone: tzinfo) -> dict[str, Any]:
    """What the templates of a schedule's submission can name."""
    tick, local = firing.tick.astimezone(UTC), firing.tick.astimezone(zone)
    text = tick.isoformat().replace("+00:00", "Z")
    return {
        "tick": text,
        "scheduled_at": text,
        "local": local.isoformat(),
        "date": local.date().isoformat(),
        "schedule": spec.name,
        "cause": firing.cause,
    }


def template_of(spec: ScheduleSpec) -> msgspec.Raw:
    """Its submission, with the places in it."""
    return msgspec.Raw(msgspec.json.encode(spec.submission))
