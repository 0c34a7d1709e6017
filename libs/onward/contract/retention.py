"""How long what an execution leaves behind is kept: by its class, fixed by its first event, so its end has it too."""

import functools
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Literal, get_args

from onward.contract.resource import Resource

RetentionClass = Literal["short", "default", "long", "hold"]
CLASSES: tuple[RetentionClass, ...] = get_args(RetentionClass)
"""`hold` is kept until an operator says otherwise; the times of the others are RetentionSpec's."""

DEFAULT: RetentionClass = "default"
_A_DAY = timedelta(days=1)


TIMES = "times"
"""The name of the one resource that says how long; that of the project `default` is for all."""


class RetentionSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """Days after the end for which each class is kept, at least: whole months go. CONFIG kind `retention_times`."""

    KIND: ClassVar[str] = "retention_times"

    name: str = TIMES
    short: int = 7
    default: int = 30
    long: int = 365

    def check(self) -> None:
        """Raises ValueError for times that contradict each other."""
        if not 1 <= self.short <= self.default <= self.long <= 36_500:
            raise ValueError("days are whole numbers from 1 to 36500, short <= default <= long")

    def days(self, name: str) -> int | None:
        """Days that a class is kept; None: without an end."""
        return {"short": self.short, "default": self.default, "long": self.long}.get(name)


class HoldSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """An execution that is not removed while this stands; its name is the id. CONFIG kind `hold`."""

    KIND: ClassVar[str] = "hold"

    reason: str | None = None


def class_of(asked: str | None, task: str | None) -> str:
    """The class of a new execution: what was asked for, else what its task says, else the default."""
    return asked or task or DEFAULT


def month_of(at: datetime) -> date:
    """The first day of its month, in UTC."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return _first_of(at.year, at.month)


@functools.lru_cache(maxsize=1000)
def _first_of(year: int, month: int) -> date:
    return date(year, month, 1)


def next_month(month: date) -> date:
    """The month after it."""
    return (month.replace(day=28) + 4 * _A_DAY).replace(day=1)


def over_at(month: date, name: str, spec: RetentionSpec) -> datetime | None:
    """When all that ended in a month may go; None: never."""
    days = spec.days(name)
    if days is None:
        return None
    after = next_month(month)
    return datetime(after.year, after.month, after.day, tzinfo=UTC) + timedelta(days=days)


def is_over(month: date, name: str, spec: RetentionSpec, now: datetime) -> bool:
    """Whether what ended in a month has been kept long enough."""
    at = over_at(month, name, spec)
    return at is not None and at <= now
