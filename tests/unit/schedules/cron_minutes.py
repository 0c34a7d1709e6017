"""What cron means, minute by minute: plain, and with none of the code that it judges."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from itertools import pairwise

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
AROUND = timedelta(hours=36)
MINUTE = timedelta(minutes=1)
EVERY_MINUTE, EVERY_HOUR, EVERY_DAY, ANY_DAY = range(60), range(24), range(1, 32), range(7)

PATTERNS = {
    "* * * * *": (EVERY_MINUTE, EVERY_HOUR, EVERY_DAY, ANY_DAY),
    "*/15 * * * *": ((0, 15, 30, 45), EVERY_HOUR, EVERY_DAY, ANY_DAY),
    "7 * * * 0": ((7,), EVERY_HOUR, EVERY_DAY, (0,)),
    "30 2 * * *": ((30,), (2,), EVERY_DAY, ANY_DAY),
    "0,20,59 0-3,23 * * *": ((0, 20, 59), (0, 1, 2, 3, 23), EVERY_DAY, ANY_DAY),
    "5 */6 29-31 * *": ((5,), (0, 6, 12, 18), (29, 30, 31), ANY_DAY),
}
"""Minutes, hours, days of the month, days of the week from Sunday on."""
TIMES_OF_DAY = {"30 2 * * *", "0,20,59 0-3,23 * * *"}


def wall(zone, minute):
    return minute.astimezone(zone).replace(tzinfo=None)


def changes(zone):
    """The minutes at which the clocks of a zone change, and what they show right before and then."""
    found = []
    days = [FIRST + timedelta(days=day) for day in range((LAST - FIRST).days + 1)]
    for day, next_day in pairwise(days):
        low, high = day, next_day
        before = low.astimezone(zone).utcoffset()
        if high.astimezone(zone).utcoffset() == before:
            continue
        while high - low > MINUTE:
            middle = low + (high - low) // MINUTE // 2 * MINUTE
            low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
        found.append((high, wall(zone, low), wall(zone, high)))
    return tuple(found)


def distinct_zones(every=1):
    """One zone, and its changes, for all that change at the same times in the same way; looks at every so many."""
    kinds = {}
    for name in sorted(zoneinfo.available_timezones())[::every]:
        zone = zoneinfo.ZoneInfo(name)
        if found := changes(zone):
            kinds.setdefault(found, zone)
    return [(zone, [at for at, *_ in found]) for found, zone in kinds.items()]


class Window:
    """The minutes around one change, with what the clock shows at each of them."""

    def __init__(self, zone, change):
        self.begin, self.end = change - AROUND, change + AROUND
        # Some more before, since what a gap swallows fires behind it, and what came once comes no second time.
        minutes = [change + place * MINUTE for place in range(-60 * 40, 60 * 36 + 1)]
        self.shown = [(minute, wall(zone, minute)) for minute in minutes]

    def expected(self, pattern):
        fires = self._times_of_day if pattern in TIMES_OF_DAY else self._by_the_clock
        return sorted(tick for tick in fires(PATTERNS[pattern]) if self.begin < tick <= self.end)

    def _by_the_clock(self, fields):
        return {minute for minute, shown in self.shown if _matches(fields, shown)}

    def _times_of_day(self, fields):
        fired, seen, last = set(), set(), None
        for minute, shown in self.shown:
            left_out = []
            if last is not None and shown - last > MINUTE:
                left_out = [last + place * MINUTE for place in range(1, (shown - last) // MINUTE)]
            if any(_matches(fields, time) for time in left_out):
                fired.add(minute)
            if shown not in seen and _matches(fields, shown):
                fired.add(minute)
            seen.add(shown)
            last = shown
        return fired


def _matches(fields, shown):
    minutes, hours, days, weekdays = fields
    return (
        shown.minute in minutes
        and shown.hour in hours
        and shown.day in days
        and shown.isoweekday() % 7 in weekdays
    )
