"""What is told of executions that have ended: figures of a time, trends, breakdowns, steps, groups of errors."""

from datetime import datetime

import msgspec


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long something took; null where there was nothing. Percentiles are right to 2 %."""

    count: int
    avg_ms: float | None
    min_ms: float | None
    max_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What ended in a span of time. Each life of an execution counts once, as it ended."""

    ended: int
    completed: int
    failed: int
    cancelled: int
    per_hour: float
    """Ends of any outcome."""
    success_rate: float | None
    """Completed of those that completed or failed; what was cancelled is neither."""
    duration: Times
    """From the first claim to the end, of those that completed or failed."""
    queue_wait: Times
    """From when it could start to its first claim."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one span of time."""

    since: datetime
    until: datetime
    figures: Figures


class Summary(Period, frozen=True, kw_only=True):
    """A time, and the time as long before it."""

    previous: Period


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A time, cut into minutes, hours or days of a zone."""

    since: datetime
    until: datetime
    bucket: str
    zone: str
    items: list[Period]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One task, queue, agent … of a breakdown; null are those that have none."""

    name: str | None
    figures: Figures


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """Who did how much of it; the most first."""

    since: datetime
    until: datetime
    by: str
    items: list[Share]


class StepFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How long a step took, in all executions of a task."""

    task: str
    step: str
    count: int
    total_ms: float
    avg_ms: float
    min_ms: float
    max_ms: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class SlowSteps(msgspec.Struct, frozen=True, kw_only=True):
    """The steps that took most time in sum, first."""

    since: datetime
    until: datetime
    items: list[StepFigures]


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Failures that are the same one; `type` and `message` as the newest of them tells them."""

    fingerprint: str
    type: str
    message: str
    first_seen: datetime
    last_seen: datetime
    count: int
    """Ends in the time that was asked for."""
    total: int
    """Ends ever."""
    tasks: list[str]
    queues: list[str]
    versions: list[str]
    """Of the code that failed so, in that time."""
    execution_id: str
    """The newest execution that ended so."""


class ErrorGroupList(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of a time, the most frequent first."""

    since: datetime
    until: datetime
    items: list[ErrorGroup]


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many in one hour or day."""

    since: datetime
    count: int


class ErrorGroupView(ErrorGroup, frozen=True, kw_only=True):
    """One group, and how it went."""

    since: datetime
    until: datetime
    trend: list[ErrorCount]
    """By hour where that are at most four days, else by day; of UTC."""
    open: int
    """Executions that stand as failed with it, and may be retried."""
