import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from onward.contract.errors import InvalidParameter
from onward_execution_state.analytics.spans import Span, cut, kept, pieces, whole
from onward_execution_state.analytics.tally import HOUR

NOW = datetime(2026, 11, 22, 21, 17, 33, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def test_pieces_cover_each_span_once_with_as_few_sums_as_possible():
    rng = random.Random(2)
    for _ in range(300):
        since = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(90_000))
        span = Span(since, since + timedelta(minutes=rng.randrange(1, 20_000)))

        found = sorted(pieces([span]), key=lambda piece: piece.since)

        assert found[0].since == span.since
        assert found[-1].until == span.until
        assert all(one.until == two.since for one, two in pairwise(found))
        assert all(int(piece.since.timestamp()) % piece.grain == 0 for piece in found)
        assert len(found) <= 5


def test_a_day_of_a_zone_is_as_long_as_it_is_there():
    since = datetime(2026, 10, 23, 22, tzinfo=UTC)

    found = cut(Span(since, since + timedelta(hours=73)), "day", BERLIN)

    assert [each.until - each.since for each in found] == [timedelta(hours=hours) for hours in (24, 25, 24)]
    assert all(each.since.astimezone(BERLIN).hour == 0 for each in found)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"])
def test_hours_begin_when_the_clock_on_the_wall_says_so(zone):
    since = datetime(2026, 11, 22, 3, 20, tzinfo=UTC)

    first, *rest = cut(Span(since, since + timedelta(hours=5)), "hour", ZoneInfo(zone))

    assert first.since == since
    assert all(each.since.astimezone(ZoneInfo(zone)).minute == 0 for each in rest)


def test_what_is_asked_for_is_widened_to_what_is_kept():
    minutes = whole(NOW - timedelta(hours=1), NOW, NOW)
    hours = whole(NOW - timedelta(days=20), NOW, NOW)

    assert minutes == (datetime(2026, 11, 22, 20, 17, tzinfo=UTC), datetime(2026, 11, 22, 21, 18, tzinfo=UTC))
    assert hours == (datetime(2026, 11, 2, 21, tzinfo=UTC), datetime(2026, 11, 22, 22, tzinfo=UTC))


@pytest.mark.parametrize("bucket", ["minute", "hour", "day"])
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin"])
def test_where_minutes_are_no_longer_kept_every_part_is_of_sums_that_are(zone, bucket):
    span = whole(NOW - timedelta(days=15), NOW - timedelta(days=8), NOW)

    found = cut(span, bucket, ZoneInfo(zone), kept(span.since, NOW))

    assert (found[0].since, found[-1].until) == span
    assert all(one.until == two.since for one, two in pairwise(found))
    assert {piece.grain for piece in pieces(found)} <= {HOUR, 24 * HOUR}


def test_more_points_than_anyone_can_look_at_are_refused():
    with pytest.raises(InvalidParameter):
        cut(Span(NOW - timedelta(days=30), NOW), "hour", BERLIN)
    with pytest.raises(InvalidParameter):
        whole(NOW, NOW - timedelta(hours=1), NOW)
