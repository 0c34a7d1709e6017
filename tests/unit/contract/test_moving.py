"""Another queue, priority or time: what waits moves at once, what is held with its next wait."""

from datetime import timedelta

import pytest

from onward.contract import commands, moving, subjects
from onward.contract import events as ev
from onward.contract.decide import Claim, Done, meet
from onward.contract.errors import AlreadyEnded, Conflict
from onward.contract.lifecycle import fold
from onward.contract.limit import LimitPolicy
from tests.support.builders import OWNER, ROUTE, T0, event, events, execution, hint, moment, submitted

LATER = T0 + timedelta(hours=2)


def moved(state, seconds=100.0, **to):
    made = moving.move(state, moment(seconds), **to)
    return made, fold(made, state)


def claims(state, **fields):
    return isinstance(meet(state, hint(999, **fields), OWNER, moment(200)), Claim)


def test_what_waits_is_woken_in_its_new_queue_and_the_old_hint_is_worth_nothing():
    made, state = moved(execution(), queue="gpu", priority=9)

    assert [ev.event_type(one) for one in made] == ["moved", "queued"]
    assert (made[-1].wake, state.route, state.queue, state.priority) == ("gpu.high", "gpu.high", "gpu", 9)
    assert claims(state, n=state.ready_by, route="gpu.high")
    assert isinstance(meet(state, hint(7), OWNER, moment(200)), Done)
    assert not claims(state, n=1, route="gpu.high"), "a hint from before, on the same route, is too old"


def test_who_reads_only_the_routes_it_knows_learns_of_the_new_one():
    made, _ = moved(execution(), queue="gpu")

    on_e = [one for one in made if subjects.event("default", one.execution_id, one.wake).endswith(".e")]
    assert "gpu.normal" in on_e[0].routes


def test_the_route_it_waits_in_is_the_last_one_named_also_after_the_way_back():
    _, there = moved(execution(), queue="gpu")
    made, back = moved(there, queue="default")

    assert back.routes == ("gpu.normal", ROUTE)
    assert made[-1].wake == ROUTE


def test_within_a_class_a_priority_changes_without_a_new_hint():
    made, state = moved(execution(), priority=6)

    assert [ev.event_type(one) for one in made] == ["moved"]
    assert claims(state, n=1)


def test_what_is_there_already_is_not_moved():
    assert moved(execution(), queue="default", priority=5)[0] == ()


def test_what_is_delayed_keeps_its_time_in_the_new_queue():
    made, state = moved(fold([submitted(run_at=LATER)]), queue="gpu")

    assert (made[0].due, made[0].routes[-1], len(made)) == (LATER, "gpu.normal", 1)
    assert claims(state, fired=state.asked_due, route="gpu.normal")
    assert not claims(state, fired=1, route=ROUTE), "its old timer fires for nothing"


def test_a_delay_is_changed_and_its_limits_with_it():
    state = fold([submitted(run_at=LATER, timeouts=ev.TimeoutPolicy(execution=60))])
    sooner = T0 + timedelta(hours=1)

    _, state = moved(state, run_at=sooner)

    assert (state.due, state.life_from, state.reason) == (sooner, sooner, "delayed")
    assert state.deadlines == {"execution": sooner + timedelta(seconds=60)}


def test_a_delayed_one_is_started_now_and_a_queued_one_delayed():
    made, state = moved(fold([submitted(run_at=LATER)]), run_at=T0)
    assert (made[-1].wake, state.reason, state.due) == (ROUTE, "queued", None)

    made, state = moved(state, seconds=150.0, run_at=LATER)
    assert (len(made), state.reason, state.ready, state.due) == (1, "delayed", False, LATER)
    assert not claims(state, n=state.ready_by)


def test_the_next_attempt_is_asked_for_now():
    state = execution(ev.Started, ev.AttemptFailed)

    made, state = moved(state, run_at=T0)

    assert made[-1].wake == ROUTE
    (started,) = meet(state, hint(999, n=state.ready_by), OWNER, moment(200)).events
    assert started.attempt == 2


def test_what_a_worker_holds_goes_on_and_waits_in_the_new_queue_next():
    made, state = moved(execution(ev.Started), queue="gpu")
    assert (len(made), state.held, state.route) == (1, True, "gpu.normal")

    slept = event(ev.Suspended, state.n + 1, routes=state.routes, due=LATER)
    assert slept.routes[-1] == "gpu.normal", "its timer fires into the new queue"


def test_what_sleeps_has_its_timer_set_again_into_the_new_queue():
    state = execution(ev.Started, ev.Slept, ev.Suspended)

    made, after = moved(state, queue="gpu")

    assert (made[0].due, after.due, after.asked_due) == (state.due, state.due, after.n)


def test_what_waits_for_its_limits_stays_in_their_line_and_is_admitted_into_its_new_queue():
    first = submitted(limits=(LimitPolicy(key="customer", max=1),), run_at=LATER)

    made, state = moved(fold([first]), queue="gpu", priority=9, run_at=T0)

    assert (state.gated, state.reason, made[-1].wake) == (True, "limited", subjects.gate(9))
    admitted = event(ev.Admitted, state.n + 1, routes=(*state.routes, "gpu.high"), wake="gpu.high")
    assert fold([admitted], state).route == "gpu.high"


@pytest.mark.parametrize("kinds", [(ev.Started,), (ev.Started, ev.Slept, ev.Suspended)])
def test_what_runs_or_sleeps_is_given_no_other_time(kinds):
    with pytest.raises(Conflict, match="does not wait for a time to begin"):
        moved(execution(*kinds), run_at=LATER)


def test_a_paused_one_moves_and_is_woken_there_by_its_resume():
    state = fold([submitted(run_at=LATER), event(ev.Paused, 2)])
    made, state = moved(state, queue="gpu", run_at=T0)
    assert (len(made), state.reason, state.ready) == (1, "paused", True)

    (resumed,) = commands.resume(state, moment(120))

    assert resumed.wake == "gpu.normal"
    assert fold([resumed], state).reason == "queued"


@pytest.mark.parametrize(
    "kinds", [(ev.Started, ev.Completed), (ev.Cancelled,), (ev.Started, ev.CancelRequested)]
)
def test_what_has_ended_or_is_stopped_moves_no_more(kinds):
    state = fold(events(ev.Submitted, *kinds))
    with pytest.raises(AlreadyEnded):
        moved(state, queue="gpu")
    with pytest.raises(AlreadyEnded):
        moving.relabel(state, moment(100), {"a": "b"})


def test_labels_are_changed_and_its_limits_stay():
    state = fold([submitted(timeouts=ev.TimeoutPolicy(execution=60))])

    after = fold(moving.relabel(state, moment(9), {"team": "b"}), state)

    assert (after.labels, after.deadlines, after.asked_deadlines) == (
        {"team": "b"},
        state.deadlines,
        {"execution": 1},
    )
    assert moving.relabel(after, moment(10), {"team": "b"}) == ()
