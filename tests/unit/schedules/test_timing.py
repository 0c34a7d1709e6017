"""The ticks of a schedule: none drifts, none lies outside its time, each replica draws the same delay."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract.errors import InvalidBody
from onward.contract.schedules import ScheduleSpec
from onward.schedules import timing

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
moments = st.integers(946_684_800, 2_840_140_800).map(lambda second: datetime.fromtimestamp(second, UTC))


def first(spec, after, count=3):
    return list(islice(timing.ticks(spec, after), count))


@given(st.integers(1, 100_000), moments, moments)
def test_an_interval_drifts_from_its_anchor_by_nothing(every, start, after):
    spec = ScheduleSpec(name="s", every=every, start=start)

    ticks = first(spec, after)

    assert all((tick - start) % timedelta(seconds=every) == timedelta(0) for tick in ticks)
    assert ticks[0] > after
    assert ticks[0] == start or ticks[0] - timedelta(seconds=every) <= max(after, start)


def test_a_schedule_fires_within_its_time_only():
    spec = ScheduleSpec(name="s", every=60, start=NOON, end=NOON + timedelta(minutes=2))

    assert first(spec, NOON - timedelta(days=1)) == [NOON, NOON + timedelta(minutes=1)]


def test_one_time_comes_once():
    spec = ScheduleSpec(name="s", at=NOON)

    assert first(spec, NOON - timedelta(seconds=1)) == [NOON]
    assert first(spec, NOON) == []


@given(moments)
def test_a_jitter_is_the_same_each_time_and_within_its_limit(tick):
    spec = ScheduleSpec(name="s", every=60, jitter=30, uid="one")

    drawn = timing.delay(spec, tick)

    assert timedelta(0) <= drawn < timedelta(seconds=30)
    assert drawn == timing.delay(spec, tick)


def test_jitters_of_two_schedules_differ():
    one, other = (ScheduleSpec(name="s", every=60, jitter=30, uid=uid) for uid in ("one", "other"))

    assert timing.delay(one, NOON) != timing.delay(other, NOON)


@pytest.mark.parametrize(
    "given, member",
    [
        ({}, "/cron"),
        ({"cron": "* * * * *", "every": 5.0}, "/cron"),
        ({"every": 0.5}, "/every"),
        ({"at": NOON.replace(tzinfo=None)}, "/at"),
        ({"every": 5.0, "jitter": -1.0}, "/jitter"),
        ({"every": 5.0, "window": 0.0}, "/window"),
        ({"every": 5.0, "max_runs": 0}, "/max_runs"),
        ({"every": 5.0, "most_waiting": 0}, "/most_waiting"),
        ({"every": 5.0, "start": NOON, "end": NOON}, "/end"),
    ],
)
def test_times_that_cannot_be_meant_are_refused(given, member):
    with pytest.raises(InvalidBody, match=member):
        timing.check_times(ScheduleSpec(name="s", **given))


@pytest.mark.parametrize(
    "given, said",
    [
        ({"cron": "@daily"}, "At 00:00 every day (UTC)"),
        ({"every": 5.0}, "Every 5 s"),
        ({"every": 9000.0}, "Every 2 h 30 min"),
        ({"at": NOON}, "Once, at 2026-05-05 12:00:00 UTC"),
    ],
)
def test_a_schedule_says_in_words_when_it_fires(given, said):
    assert timing.words(ScheduleSpec(name="s", **given)) == said
