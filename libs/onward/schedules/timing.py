"""Which ticks a schedule has: by cron, by interval or once, within its time."""

import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile

from onward.contract.errors import InvalidBody
from onward.contract.schedules import ScheduleSpec
from onward.schedules.cron import Cron

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEAR = 366 * 86_400.0
LIMITS = (
    ("every", 1, YEAR),
    ("jitter", 0, YEAR),
    ("window", 1, YEAR),
    ("most_waiting", 1, 100),
    ("max_runs", 1, 10**9),
)
"""The least and the most of what is a number."""


def ticks(spec: ScheduleSpec, after: datetime) -> Iterator[datetime]:
    """The ticks after this moment, in UTC, each later than the one before, perhaps for ever."""
    if spec.start is not None:
        after = max(after, spec.start - timedelta(microseconds=1))
    found = _ticks(spec, after)
    if spec.end is None:
        return found
    end = spec.end
    return takewhile(lambda tick: tick < end, found)


def following(spec: ScheduleSpec, after: datetime) -> datetime | None:
    """The next tick."""
    return next(ticks(spec, after), None)


def delay(spec: ScheduleSpec, tick: datetime) -> timedelta:
    """How long after its tick it fires: drawn from the tick itself, so that all replicas agree."""
    if not spec.jitter:
        return timedelta(0)
    drawn = hashlib.sha256(f"{spec.uid}/{tick.timestamp()}".encode()).digest()
    return timedelta(seconds=spec.jitter * int.from_bytes(drawn[:6]) / 256**6)


def words(spec: ScheduleSpec) -> str:
    """When it fires, as people say it."""
    if spec.cron is not None:
        return _cron(spec.cron, spec.zone).words()
    if spec.every is not None:
        return f"Every {spoken(spec.every)}"
    assert spec.at is not None  # noqa: S101 - by `check`
    return f"Once, at {spec.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def spoken(seconds: float) -> str:
    """A time span: `5 s`, `2 h 30 min`."""
    whole, parts = int(seconds), []
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            parts.append(f"{whole // size} {unit}")
            whole %= size
    rest = whole + seconds - int(seconds)
    return " ".join(parts + ([f"{rest:g} s"] if rest or not parts else []))


def check_times(spec: ScheduleSpec) -> None:
    """Raises InvalidBody for times that can't be meant."""
    if sum(given is not None for given in (spec.cron, spec.every, spec.at)) != 1:
        raise InvalidBody(
            "/cron: a schedule has one of cron, every and at", fix='for example {"cron": "0 2 * * *"}'
        )
    for name in ("at", "start", "end"):
        moment = getattr(spec, name)
        if moment is not None and moment.tzinfo is None:
            raise InvalidBody(f"/{name}: it needs an offset, as in 2030-01-31T08:00:00Z")
    if spec.cron is not None:
        _cron(spec.cron, spec.zone)
    for name, least, most in LIMITS:
        given = getattr(spec, name)
        if given is not None and not least <= given <= most:
            raise InvalidBody(f"/{name}: {given:g} is not {least:g} to {most:g}")
    if spec.start is not None and spec.end is not None and spec.end <= spec.start:
        raise InvalidBody("/end: it is not after the start")


def _ticks(spec: ScheduleSpec, after: datetime) -> Iterator[datetime]:
    if spec.cron is not None:
        return _cron(spec.cron, spec.zone).after(after)
    if spec.every is not None:
        return _each(timedelta(seconds=spec.every), (spec.start or EPOCH).astimezone(UTC), after)
    return iter(() if spec.at is None or spec.at <= after else (spec.at.astimezone(UTC),))


def _each(every: timedelta, anchor: datetime, after: datetime) -> Iterator[datetime]:
    count = math.floor((after - anchor) / every)
    # The quotient is rounded: begin one before, and leave out what is not after.
    tick = anchor + (count - 1) * every
    while True:
        if tick > after:
            yield tick
        tick += every


@lru_cache(maxsize=1024)
def _cron(expression: str, zone: str) -> Cron:
    return Cron(expression, zone)
