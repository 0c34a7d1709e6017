"""What the executions' events tell of the keys, for who has lost their logs."""

from datetime import timedelta

import msgspec

from onward.contract import events as ev
from onward.contract.limit import LimitPolicy
from onward.contract.limit_replay import Replay
from onward.contract.limits import tokens
from tests.support.builders import T0, event, raw

ONE, NEWEST = LimitPolicy("a", max=1), LimitPolicy("debounce:x", full="replace")
RATE = LimitPolicy("mails", rate=2, per=60)


def replayed(*heard):
    replay = Replay(lambda _project, limit: limit)
    for one in heard:
        replay.hear(one)
    return {key: state for (_, key), state in replay.states().items()}


def submitted(name, *limits, second=0):
    return event(ev.Submitted, n=1, execution_id=name, limits=limits, at=T0 + timedelta(seconds=second))


def admitted(name, *keys, n=2, second=0):
    at = T0 + timedelta(seconds=second)
    return event(ev.Admitted, n=n, execution_id=name, grants=dict.fromkeys(keys, 7), at=at)


def test_who_was_admitted_holds_its_keys_until_its_end_gives_them_back():
    held = (submitted("x", ONE), admitted("x", "a"))
    end = event(ev.Completed, n=4, execution_id="x", gives_back=("a",))

    assert [(one.execution_id, one.n, one.since) for one in replayed(*held)["a"].holders] == [("x", 2, T0)]
    assert replayed(*held, end)["a"].holders == ()


def test_who_only_waits_holds_nothing():
    assert replayed(submitted("x", ONE)).get("a") is None


def test_a_rate_has_as_many_tokens_left_as_have_started():
    states = replayed(submitted("x", RATE), submitted("y", RATE), admitted("x"), admitted("y", second=15))

    assert round(tokens(states["mails"], RATE, T0 + timedelta(seconds=15)), 2) == 0.5


def test_to_go_on_after_a_wait_takes_no_token():
    slept = event(ev.Suspended, n=3, execution_id="x", gives_back=("task:t",))
    states = replayed(submitted("x", RATE), admitted("x"), slept, admitted("x", n=5))

    assert round(tokens(states["mails"], RATE, T0), 2) == 1.0


def test_the_newest_that_waits_is_known_until_it_is_admitted():
    both = (submitted("x", NEWEST), submitted("y", NEWEST, second=1))

    assert replayed(*both)["debounce:x"].newest == "y"
    assert replayed(*both, admitted("y"))["debounce:x"].newest is None


def test_who_was_carried_holds_what_its_state_says():
    state = msgspec.to_builtins({"limits": [{"key": "a", "max": 1}], "grants": {"a": 3}, "status": "running"})
    carried = event(ev.Carried, n=9, execution_id="x", state=raw(state))

    assert [one.execution_id for one in replayed(carried)["a"].holders] == ["x"]
