"""Limits as they are decided: who fits, what is taken back, and what to do when a key is full."""

from datetime import timedelta

import msgspec
import pytest

from onward import Debounce, Limit
from onward.contract import limits
from onward.contract.errors import InvalidInput
from onward.contract.limit import LimitPolicy, LimitSpec
from onward.contract.limit_round import Round
from onward.contract.limits import KeyState, Wanting
from tests.support.builders import T0

KEY = KeyState(project="default", key="a")
ONE = LimitPolicy("a", max=1)


def who(execution_id="x", n=1, **fields):
    plain = {"priority": 5, "since": T0, "limits": (ONE,)}
    return Wanting(execution_id=execution_id, n=n, **{**plain, **fields})


def test_a_key_admits_up_to_its_maximum_and_then_nobody():
    held = limits.granted(KEY, ONE, who("x"), T0)
    assert limits.blocked(KEY, ONE, who("y"), T0) is None
    assert limits.blocked(held, ONE, who("y"), T0).because == "max"


def test_a_maximum_that_is_lowered_while_held_stops_nobody_and_admits_nobody_until_it_fits():
    two = LimitPolicy("a", max=2)
    held = limits.granted(limits.granted(KEY, two, who("x"), T0), two, who("y"), T0)
    assert limits.blocked(held, LimitSpec(key="a", max=1).on(two), who("z"), T0).because == "max"
    left = limits.released(held, "x", 9)
    assert limits.blocked(left, ONE, who("z"), T0).because == "max"
    assert limits.blocked(limits.released(left, "y", 9), ONE, who("z"), T0) is None


def test_a_release_takes_back_only_what_was_granted_before_it():
    held = limits.granted(KEY, ONE, who("x", n=5), T0)
    assert limits.released(held, "x", 4) is held
    assert limits.released(held, "x", 6).holders == ()


def test_a_grant_to_an_older_log_is_written_anew_so_that_the_fence_tells_whether_it_stands():
    held = limits.granted(KEY, ONE, who("x", n=1), T0)
    assert limits.granted(held, ONE, who("x", n=2), T0).holders[0].n == 2
    assert limits.granted(held, ONE, who("x", n=1), T0) is held


def test_a_rate_lets_so_many_start_and_then_says_when_the_next_one_may():
    rate = LimitPolicy("a", rate=2, per=10.0)
    state = limits.granted(limits.granted(KEY, rate, who("x"), T0), rate, who("y"), T0)
    full = limits.blocked(state, rate, who("z"), T0)
    assert full.because == "rate"
    assert abs((full.until - T0).total_seconds() - 5) < 0.01
    assert limits.blocked(state, rate, who("z"), full.until) is None


def test_a_rate_counts_starts_and_not_that_something_goes_on_after_a_wait():
    rate = LimitPolicy("a", rate=1, per=10.0)
    state = limits.granted(KEY, rate, who("x"), T0)
    assert limits.blocked(state, rate, who("y", starts=False), T0) is None


def test_several_keys_are_granted_together_or_not_at_all():
    both = who("y", limits=(ONE, LimitPolicy("b", max=1)))
    taken = limits.granted(KEY, ONE, who("x"), T0)
    other = KeyState(project="default", key="b")
    round_ = Round({("default", "a"): taken, ("default", "b"): other}, T0)
    assert [why.limit.key for why in round_.admit("default", both, both.limits)] == ["a"]
    assert round_.changed == {}


def test_the_oldest_holder_makes_way_once_for_each_that_comes():
    two = LimitPolicy("a", max=2)
    held = limits.granted(limits.granted(KEY, two, who("x"), T0), two, who("y"), T0)
    marked, victim = limits.makes_way(held, "z")
    assert victim == "x"
    assert limits.makes_way(marked, "z") == (marked, "x")
    assert limits.makes_way(marked, "zz")[1] == "y"


def test_the_newest_replaces_who_waits_and_an_older_one_is_out_of_date_itself():
    first, nobody = limits.replaced(KEY, "x", T0)
    second, outdated = limits.replaced(first, "y", T0 + timedelta(seconds=1))
    assert (nobody, outdated, second.newest) == (None, "x", "y")
    assert limits.replaced(second, "x", T0) == (second, "x")


@pytest.mark.parametrize(
    "template, key",
    [
        ("plain", "plain"), ("customer:{id}", "customer:7"), ("{who.name}/{id}", "ann/7"), ("{yes}", "true"),
    ],
)  # fmt: skip
def test_a_key_takes_members_of_the_input(template, key):
    given = {"id": 7, "who": {"name": "ann"}, "yes": True}
    assert limits.fill((LimitPolicy(template, max=1),), given)[0].key == key


@pytest.mark.parametrize("given", [{}, None, {"id": None}, {"id": [1]}])
def test_a_key_that_the_input_does_not_fill_is_refused(given):
    with pytest.raises(InvalidInput):
        limits.fill((LimitPolicy("customer:{id}", max=1),), given)


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""}, {"key": "a"}, {"key": "a", "max": 0}, {"key": "queue:gpu", "max": 1}, {"key": "a", "rate": 0},
        {"key": "a", "max": 1, "full": "explode"}, {"key": "a", "max": 1, "more": 1}, {"key": "a", "max": 9999},
    ],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Limit)


def test_a_debounce_waits_for_some_time():
    with pytest.raises(ValueError, match="wait is above 0"):
        Debounce(key="a", wait=0)
