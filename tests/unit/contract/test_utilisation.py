"""Counts of workers become minutes: nothing is lost between them, and nothing is counted twice."""

from datetime import timedelta

import pytest

from onward.contract.utilisation import Count, minutes
from tests.support.builders import T0


def count(seconds: float, available: int, **busy: int) -> Count:
    return Count(at=T0 + timedelta(seconds=seconds), available=available, busy=busy)


def test_a_count_that_spans_two_minutes_is_shared_between_them():
    found = minutes(count(50, 0), [count(70, 20_000, default=10_000)])

    assert found[T0, ""] == pytest.approx((5_000, 10_000))
    assert found[T0 + timedelta(minutes=1), "default"] == pytest.approx((5_000, 10_000))


def test_a_queue_has_its_own_share_of_all_slots_of_its_worker():
    found = minutes(count(0, 100, a=10, b=5), [count(1, 300, a=110, b=55), count(2, 500, a=110, b=105)])

    assert found[T0, "a"] == (100, 400)
    assert found[T0, "b"] == (100, 400)
    assert found[T0, ""] == (200, 400)


def test_counts_of_one_moment_are_kept():
    assert minutes(count(9, 0), [count(9, 10, a=5)])[T0, "a"] == (5, 10)
