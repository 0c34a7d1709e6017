"""Which class an execution is kept by, and when its month may go."""

from datetime import UTC, date, datetime, timedelta

import pytest

from onward.contract.retention import RetentionSpec, class_of, is_over, month_of, next_month

NOVEMBER = date(2026, 11, 1)


@pytest.mark.parametrize(
    "asked, task, expected",
    [("long", "short", "long"), (None, "short", "short"), (None, None, "default"), ("hold", None, "hold")],
)
def test_what_was_asked_for_goes_before_what_the_task_says(asked, task, expected):
    assert class_of(asked, task) == expected


@pytest.mark.parametrize("name, days", [("short", 7), ("default", 30), ("long", 365)])
def test_a_month_is_over_when_its_last_moment_was_kept_for_its_time(name, days):
    last = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(days=days)
    assert is_over(NOVEMBER, name, RetentionSpec(), last)
    assert not is_over(NOVEMBER, name, RetentionSpec(), last - timedelta(microseconds=1))


def test_what_is_held_is_never_over():
    assert not is_over(NOVEMBER, "hold", RetentionSpec(), datetime(9999, 1, 1, tzinfo=UTC))


def test_a_month_is_that_of_utc():
    at = datetime.fromisoformat("2026-12-01T00:30:00+02:00")
    assert month_of(at) == NOVEMBER


def test_december_is_followed_by_january():
    assert next_month(date(2026, 12, 1)) == date(2027, 1, 1)


@pytest.mark.parametrize("days", [{"short": 0}, {"short": 31}, {"long": 29}, {"long": 36_501}])
def test_a_shorter_class_is_never_kept_longer(days):
    with pytest.raises(ValueError, match="short <= default <= long"):
        RetentionSpec(**days).check()
