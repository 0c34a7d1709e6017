"""The arithmetic of backoff, for every policy and every number of failures."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract.retry import ONCE, Retry, RetryPolicy

policies = st.builds(
    Retry,
    attempts=st.integers(1, 1000),
    first=st.floats(0, 86_400),
    factor=st.floats(1, 100),
    cap=st.floats(0, 604_800),
    jitter=st.booleans(),
)
chances = st.floats(0, 1, exclude_max=True)


@given(policies, st.integers(1, 2000), chances)
def test_the_last_attempt_is_the_last(policy, failures, chance):
    assert (policy.delay(failures, lambda: chance) is None) == (failures >= policy.attempts)


@given(policies, st.integers(1, 999), chances)
def test_no_delay_is_negative_or_above_the_cap(policy, failures, chance):
    delay = policy.delay(failures, lambda: chance)
    assert delay is None or 0 <= delay <= policy.cap


@given(policies, st.integers(1, 998))
def test_without_jitter_delays_never_shrink(policy, failures):
    plain = msgspec.structs.replace(policy, jitter=False)
    earlier, later = plain.delay(failures, lambda: 0.5), plain.delay(failures + 1, lambda: 0.5)
    assert later is None or earlier <= later


@given(policies, st.integers(1, 999), chances)
def test_full_jitter_draws_from_nothing_to_the_plain_delay(policy, failures, chance):
    jittered = msgspec.structs.replace(policy, jitter=True).delay(failures, lambda: chance)
    plain = msgspec.structs.replace(policy, jitter=False).delay(failures, lambda: chance)
    assert jittered is None or jittered == pytest.approx(plain * chance)


@given(policies)
def test_a_policy_survives_json(policy):
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Retry) == policy


def test_the_delays_of_the_default_policy_double():
    plain = Retry(attempts=10, jitter=False)
    assert [plain.delay(k, lambda: 0.5) for k in range(1, 11)] == [2, 4, 8, 16, 32, 64, 128, 256, 300, None]


def test_once_is_once():
    assert ONCE.delay(1, lambda: 0.5) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": 1001},
        {"first": -1},
        {"first": 86_401},
        {"factor": 0.5},
        {"factor": 101},
        {"cap": -1},
        {"max_elapsed": 0},
        {"never": [""]},
        {"only": ["x" * 201]},
    ],
)
def test_what_is_asked_for_is_checked(wrong):
    with pytest.raises(ValueError, match=r"must be"):
        Retry(**wrong)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(wrong), type=Retry)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"tries": 3}', type=Retry)


def test_what_is_stored_is_not_refused_for_what_a_newer_release_added():
    stored = msgspec.json.decode(b'{"attempts": 5000, "first": 1, "curve": "flat"}', type=RetryPolicy)
    assert stored.attempts == 5000


class Elsewhere:
    class Busy(ConnectionError):
        pass


@pytest.mark.parametrize(
    "named",
    ["Busy", "Elsewhere.Busy", f"{__name__}.Elsewhere.Busy", "ConnectionError", "OSError", "Exception"],
)
def test_a_type_is_named_simply_or_in_full_and_so_are_those_it_inherits_from(named):
    assert not Retry(never=(named,)).admits(Elsewhere.Busy)
    assert Retry(only=(named,)).admits(Elsewhere.Busy)
    assert not Retry(only=(named,)).admits(SystemExit)


def test_classes_are_kept_as_names():
    policy = Retry(never=(Elsewhere.Busy, ValueError), only=("Busy",))
    assert policy.never == (f"{__name__}.Elsewhere.Busy", "ValueError")
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Retry) == policy
    with pytest.raises(ValueError, match="never must be exception types"):
        Retry(never=(int,))
