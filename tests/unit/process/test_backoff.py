from hypothesis import given
from hypothesis import strategies as st

from onward.process.backoff import full_jitter


@given(st.integers(min_value=0, max_value=10_000))
def test_a_delay_is_never_negative_nor_above_the_cap(failures):
    assert 0.0 <= full_jitter(failures, first=0.4, cap=5.0) <= 5.0


def test_the_first_delays_are_short_and_later_ones_reach_for_the_cap():
    assert max(full_jitter(1, first=0.1, cap=5.0) for _ in range(200)) <= 0.1
    assert max(full_jitter(20, first=0.1, cap=5.0) for _ in range(200)) > 2.5
