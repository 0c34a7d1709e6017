"""Cron, against a list of all minutes around each change of clocks, and where an expression is refused."""

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest

from onward.contract.errors import InvalidBody
from onward.schedules.cron import Cron
from tests.unit.schedules.cron_minutes import PATTERNS, Window, distinct_zones


def differences(zones):
    """The windows and patterns in which cron and the minutes differ, and how many were compared."""
    found, compared = [], 0
    for zone, changes in zones:
        for change in changes:
            window = Window(zone, change)
            for pattern in PATTERNS:
                ticks = Cron(pattern, zone.key).after(window.begin)
                said = list(takewhile(lambda tick, end=window.end: tick <= end, ticks))
                compared += 1
                if said != window.expected(pattern):
                    found.append((zone.key, change, pattern))
    return found, compared


def test_torture_11_cron_fires_as_the_clocks_of_some_zones_say_around_each_change():
    found, compared = differences(distinct_zones(every=40))

    assert found == []
    assert compared > 100


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_torture_11_cron_fires_as_the_clocks_of_every_zone_say_around_each_change_from_2020_to_2030():
    zones = distinct_zones()

    found, compared = differences(zones)

    print(f"{len(zones)} kinds of zones, {compared} windows and patterns compared, {len(found)} differ")
    assert found == []


def firings(expression, zone, after, count=3):
    return [
        tick.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M")
        for tick in islice(Cron(expression, zone).after(after), count)
    ]


def test_a_time_that_the_clock_leaves_out_fires_once_right_after_the_gap():
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)

    assert firings("30 2 * * *", "Europe/Berlin", before) == ["03-29 03:00", "03-30 02:30", "03-31 02:30"]


def test_a_time_that_the_clock_shows_twice_fires_once_from_whatever_moment_on_it_is_asked():
    day = datetime(2026, 10, 24, 12, tzinfo=UTC)
    once = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    for minute in range(0, 2 * 1440, 7):
        after = day + timedelta(minutes=minute)
        in_berlin = next(Cron("30 2 * * *", "Europe/Berlin").after(after))
        assert in_berlin == (once if after < once else in_berlin)
        assert in_berlin > after
        assert in_berlin in {once, once + timedelta(days=1, hours=1), once + timedelta(days=2, hours=1)}


@pytest.mark.parametrize(
    "alias, fields",
    [("@daily", "0 0 * * *"), ("@hourly", "0 * * * *"), ("@weekly", "0 0 * * 0"), ("@yearly", "0 0 1 1 *")],
)
def test_an_alias_is_its_five_fields(alias, fields):
    after = datetime(2026, 5, 5, tzinfo=UTC)

    assert firings(alias, "Asia/Tokyo", after) == firings(fields, "Asia/Tokyo", after)


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "0 * * * * *", "60 * * * *", "0 0 31 2 *", "@reboot", "a b c d e", "0 0 * * 1/0"],
)
def test_an_expression_that_cannot_fire_is_refused(expression):
    with pytest.raises(InvalidBody, match="/cron"):
        Cron(expression, "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "/etc/localtime"])
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(InvalidBody, match="/zone"):
        Cron("0 2 * * *", zone)


def test_an_expression_is_said_in_words():
    assert Cron("0 2 * * *", "Europe/Berlin").words() == "At 02:00 every day (Europe/Berlin)"
