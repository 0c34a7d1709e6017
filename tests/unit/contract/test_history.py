import random
from datetime import timedelta

import msgspec

from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.history import attempts, checkpoints, steps
from onward.contract.log import Log, Stored
from tests.unit.onward_execution_state.histories import ERROR, Walk


def walk():
    return Walk(random.Random(7)).submit(task="shell", queue="default")


def carried(made):
    log = Log.of(Stored(event.n, event) for event in made.events)
    return carry(log.execution, log.checkpoints().values(), made.moment)


def test_an_attempt_that_failed_and_the_one_that_completed_are_both_told():
    made = walk().claim("wk-1")
    made.append(ev.AttemptFailed, due=made.at + timedelta(seconds=1), attempt=1, error=ERROR)
    made.claim("wk-2").complete()

    first, second = attempts(made.events)

    assert (first.attempt, first.status, first.reason, first.worker_id) == (1, "failed", "ValueError", "wk-1")
    assert first.error is not None
    assert first.duration_ms == (made.events[2].at - made.events[1].at).total_seconds() * 1000
    assert (second.attempt, second.status, second.worker_id, second.error) == (2, "completed", "wk-2", None)


def test_waiting_is_no_new_attempt_but_another_claim():
    made = walk().claim("wk-1").suspend().claim("wk-2")

    (only,) = attempts(made.events)

    assert (only.attempt, only.claims, only.status, only.worker_id) == (1, 2, "running", "wk-2")


def test_while_it_sleeps_an_attempt_waits():
    (only,) = attempts(walk().claim().suspend().events)

    assert (only.status, only.reason, only.ended_at) == ("waiting", "sleeping", None)


def test_an_attempt_whose_worker_was_gone_is_lost():
    made = walk().claim("wk-1").append(ev.Recovered, wake=True, attempt=1, worker_id="wk-1")

    (only,) = attempts(made.claim("wk-2").events[:3])

    assert (only.status, only.reason) == ("lost", "owner_silent")


def test_a_retry_by_hand_begins_another_life():
    made = walk().claim().append(ev.Failed, reason="error", error=ERROR)
    made.append(ev.RetryRequested, wake=True).claim()

    assert [(view.attempt, view.life) for view in attempts(made.events)] == [(1, 1), (2, 2)]


def test_a_step_shows_how_it_stands_now():
    made = walk().claim()
    made.append(ev.StepFailed, attempt=1, name="pay", tries=1, error=ERROR, delay_ms=10.0)
    assert [(step.name, step.status) for step in steps(made.events)] == [("pay", "retrying")]

    made.step("pay", b'"receipt"')

    (step,) = steps(made.events)
    assert (step.status, bytes(step.result), step.error, step.forgotten) == (
        "completed",
        b'"receipt"',
        None,
        False,
    )


def test_a_retry_from_the_start_forgets_steps_and_checkpoints():
    made = walk().claim().step("one", b"1").append(ev.Failed, reason="error", error=ERROR)
    made.append(ev.RetryRequested, wake=True, fresh=True).claim().step("one", b"2")

    assert [(bytes(step.result), step.forgotten) for step in steps(made.events)] == [
        (b"1", True),
        (b"2", False),
    ]
    assert [(bytes(point.result), point.current) for point in checkpoints(made.events)] == [
        (b"1", False),
        (b"2", True),
    ]


def test_a_newer_checkpoint_of_the_same_name_is_the_current_one():
    made = walk().claim().step("one", b"1").step("two", b"2").step("one", b"3")

    assert [(point.name, bytes(point.result), point.current) for point in checkpoints(made.events)] == [
        ("one", b"1", False), ("two", b"2", True), ("one", b"3", True),
    ]  # fmt: skip


def test_a_carried_log_tells_what_it_carries():
    made = walk().claim().step("one", b"1").step("one", b"2").suspend()

    left = carried(made)

    assert [(view.attempt, view.status, view.reason) for view in attempts(left)] == [
        (1, "waiting", "sleeping")
    ]
    assert [(step.name, bytes(step.result)) for step in steps(left)] == [("one", b"2")]
    assert [(point.n, point.current) for point in checkpoints(left)] == [(4, True)]


def test_a_log_with_its_carried_event_tells_nothing_twice():
    made = walk().claim().step("one", b"1").suspend()

    both = [*made.events, *carried(made)]

    assert len(checkpoints(both)) == len(steps(both)) == len(attempts(both)) == 1


def test_views_are_json_with_nulls():
    shown = msgspec.json.decode(msgspec.json.encode(attempts(walk().claim().events)))

    assert shown[0]["ended_at"] is None
