"""Cron: five fields or an alias, in a time zone, right over every change of its clocks.

As in Debian's cron: an expression whose minute or hour begins with a star goes by what the clock shows, so in an hour
that comes twice it fires twice as often. Any other means times of the day: one that the clock leaves out fires when it
goes on, and one that the clock shows twice fires the first time.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from onward.contract.errors import InvalidBody

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_SECOND, _MINUTE, _FEW_DAYS = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=3)
_ANY_TIME = datetime(2024, 1, 1)  # noqa: DTZ001 - only to look at an expression
_LONGEST = 256


def zone_named(name: str) -> ZoneInfo:
    """A time zone of the IANA list. Raises InvalidBody."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InvalidBody(
            f"/zone: {name[:80]!r} is no time zone", fix="use a name as Europe/Berlin or UTC"
        ) from error


class Cron:
    """One expression in one zone. Raises InvalidBody."""

    def __init__(self, expression: str, zone: str) -> None:
        self.zone = zone_named(zone)
        self._fields = fields_of(expression)
        minute, hour = self._fields.split()[:2]
        self._times_of_day = not (minute.startswith("*") or hour.startswith("*"))

    def words(self) -> str:
        """The expression as people say it."""
        said: str = CronSim(self._fields, _ANY_TIME).explain()
        return f"{said} ({self.zone.key})"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The ticks after `moment`, in UTC, each later than the one before."""
        found = self._of_the_day(moment) if self._times_of_day else self._of_the_clock(moment)
        last = moment
        for tick in found:
            if tick > last:
                last = tick
                yield tick

    def _of_the_day(self, moment: datetime) -> Iterator[datetime]:
        # One that the clock leaves out fires after the gap: so begin before any gap that ends at `moment`.
        begin = (moment - _FEW_DAYS).astimezone(self.zone).replace(tzinfo=None)
        for wall in CronSim(self._fields, begin):
            yield _instant(wall, self.zone)

    def _of_the_clock(self, moment: datetime) -> Iterator[datetime]:
        """What the clock shows, from one change of its offset to the next."""
        begin, offset = moment, _offset(self.zone, moment)
        while True:
            change = None
            for wall in CronSim(self._fields, (begin + offset).replace(tzinfo=None)):
                tick = wall.replace(tzinfo=UTC) - offset
                change = _first_change(self.zone, begin, tick, offset)
                if change is not None:
                    break
                begin = tick
                yield tick
            if change is None:
                return
            begin, offset = change - _SECOND, _offset(self.zone, change)


def fields_of(expression: str) -> str:
    """The five fields of an expression that can fire. Raises InvalidBody."""
    text = ALIASES.get(expression.strip().lower(), expression)
    try:
        if len(text) > _LONGEST or len(text.split()) != 5:
            raise InvalidBody(
                f"/cron: {expression[:80]!r} does not have five fields",
                fix="minute hour day month weekday, as in `0 2 * * *`, or @hourly, @daily, @weekly, @monthly, @yearly",
            )
        next(CronSim(text, _ANY_TIME))
    except CronSimError as error:
        raise InvalidBody(f"/cron: {expression!r}: {str(error).lower()}") from error
    except StopIteration as error:
        raise InvalidBody(f"/cron: {expression!r} names a day that never comes") from error
    return text


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """When a clock in `zone` first shows `wall`, or first goes on after leaving it out."""
    tick = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if tick.astimezone(zone).replace(tzinfo=None) == wall:
        return tick
    # Left out: read with the offset before the gap this is after it, with the one behind it before.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(zone, before, tick, _offset(zone, before))


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # noqa: S101 - a zone always has one
    return offset


def _first_change(zone: ZoneInfo, after: datetime, until: datetime, offset: timedelta) -> datetime | None:
    """The first minute up to `until` with another offset than that; changes lie more than a few days apart."""
    low = after
    while low < until:
        high = min(until, low + _FEW_DAYS)
        if _offset(zone, high) != offset:
            return _change(zone, low, high, offset)
        low = high
    return None


def _change(zone: ZoneInfo, low: datetime, high: datetime, offset: timedelta) -> datetime:
    """The first minute with another offset than that, which is the one at `low` and not at `high`."""
    while high - low > _MINUTE:
        middle = low + (high - low) // _MINUTE // 2 * _MINUTE
        low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
    return high.replace(second=0, microsecond=0)
