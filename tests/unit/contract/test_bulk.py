"""What a bulk operation decides about one execution: done once, skipped where it no longer fits."""

import pytest

from onward.contract import bulk
from onward.contract import events as ev
from onward.contract.bulk import BulkCommand
from tests.support.builders import log, moment

OP = "018f0000-0000-7000-8000-00000000000b"
BY = bulk.actor_of("key:ann", OP)
FAILED = (ev.Started, ev.Failed)


def decide(found, action, statuses=(), **more):
    return bulk.decide(found, moment(60, actor=BY), BulkCommand(action=action, **more), statuses)


@pytest.mark.parametrize(
    "action, before, kind",
    [
        ("cancel", (), ev.Cancelled),
        ("cancel", (ev.Started,), ev.CancelRequested),
        ("retry", FAILED, ev.RetryRequested),
        ("pause", (), ev.Paused),
        ("resume", (ev.Paused,), ev.Resumed),
        ("move", (ev.Started,), ev.Moved),
        ("reprioritise", (ev.Started,), ev.Moved),
    ],
)
def test_each_action_is_the_event_that_its_own_command_makes_and_names_who_and_which_operation(
    action, before, kind
):
    more = {"move": {"queue": "fast"}, "reprioritise": {"priority": 9}}.get(action, {})

    [event] = decide(log(*before), action, **more)

    assert isinstance(event, kind)
    assert event.actor == f"key:ann (bulk {OP})"


@pytest.mark.parametrize(
    "action, before, why",
    [
        ("cancel", (ev.Started, ev.Completed), "already completed"),
        ("cancel", (ev.Cancelled,), "nothing to cancel"),
        ("retry", (), "only failed or cancelled"),
        ("pause", (ev.Paused,), "nothing to pause"),
        ("resume", (), "nothing to resume"),
        ("move", (ev.Started, ev.Completed), "is completed"),
    ],
)
def test_what_it_does_not_fit_is_skipped_and_says_why(action, before, why):
    with pytest.raises(bulk.Skip, match=why):
        decide(log(*before), action, queue="fast" if action == "move" else None)


def test_what_has_left_the_filter_s_status_is_left_alone():
    with pytest.raises(bulk.Skip, match="it is running now"):
        decide(log(ev.Started), "cancel", statuses=("pending",))


def test_what_this_operation_did_before_is_not_done_again():
    assert decide(log((ev.Cancelled, {"actor": BY})), "cancel") == ()
    assert decide(log((ev.Paused, {"actor": BY})), "pause") == ()
    retried = log(*FAILED, (ev.RetryRequested, {"actor": BY}), (ev.Started, {"attempt": 2}), ev.Failed)
    assert decide(retried, "retry") == ()
