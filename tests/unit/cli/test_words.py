from datetime import UTC, datetime, timedelta

import pytest

from onward.cli import words

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text, expected",
    [("90", 90), ("250ms", 0.25), ("1.5h", 5400), ("1h30m", 5400), ("2d", 172_800), (" 10S ", 10)],
)
def test_a_duration_is_read(text, expected):
    assert words.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "1 h", "-5s", "5x", "1h 30m", "nan", "inf"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError):
        words.seconds(text)


def test_a_moment_is_how_long_ago_or_a_time():
    assert words.moment("1h", NOW) == NOW - timedelta(hours=1)
    assert words.moment("2026-01-01T10:00:00Z", NOW) == NOW - timedelta(hours=2)
    assert words.moment("2026-01-01", NOW) == NOW - timedelta(hours=12)


@pytest.mark.parametrize("text", ["yesterday", "99999999999d", "2026-13-01"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        words.moment(text, NOW)


@pytest.mark.parametrize(
    "ms, expected",
    [
        (None, "-"), (0.4, "0ms"), (999.4, "999ms"), (1000, "1.0s"), (42_700, "42.7s"), (59_960, "1m"),
        (192_000, "3m 12s"), (7_200_000, "2h"), (7_500_000, "2h 5m"), (360_000_000, "4d 4h"),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_two_units_at_most(ms, expected):
    assert words.duration(ms) == expected


@pytest.mark.parametrize(
    "seconds, expected",
    [(0.2, "now"), (5, "5s ago"), (240, "4m ago"), (7300, "2h ago"), (200_000, "2d ago"), (-30, "in 30s")],
)
def test_a_time_is_told_by_its_distance(seconds, expected):
    assert words.ago((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == expected


@pytest.mark.parametrize(
    "count, expected", [(12, "12 B"), (1500, "1.5 kB"), (12.3e9, "12.3 GB"), (2e13, "20.0 TB")]
)
def test_a_size_is_told_in_its_unit(count, expected):
    assert words.size(count) == expected
