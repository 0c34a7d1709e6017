"""Each command and each hint, with every outcome it can have."""

import pytest

from onward.contract import commands, decide
from onward.contract import events as ev
from onward.contract.decide import AskOwner, Claim, Done, Finish, meet
from onward.contract.errors import AlreadyEnded, Conflict, NotRetryable, QuestionClosed
from onward.contract.lifecycle import fold
from onward.contract.retry import Retry, RetryPolicy
from tests.support.builders import (
    ERROR,
    FATAL,
    OWNER,
    ROUTE,
    T0,
    event,
    execution,
    hint,
    moment,
    raw,
    submitted,
)

ASKED = (ev.QuestionAsked, {})
WAITING = (ev.Suspended, {"reason": "waiting_for_input", "due": None})
DELAYED = fold([event(ev.Submitted, wake=None, due=T0)])


# submit


def test_a_submission_wakes_its_queue_at_once():
    made = submitted(priority=9, queue="gpu", labels={"a": "b"})
    assert (made.n, made.wake, made.routes, made.due) == (1, "gpu.high", ("gpu.high",), None)
    assert (made.queue, made.priority, made.labels) == ("gpu", 9, {"a": "b"})


def test_a_submission_for_later_is_delayed_and_wakes_nobody():
    made = submitted(run_at=T0.replace(hour=13))
    assert (made.wake, made.routes, made.due) == (None, (ROUTE,), T0.replace(hour=13))


def test_a_submission_for_a_time_that_has_passed_wakes_at_once():
    made = submitted(run_at=T0, at=moment(1))
    assert (made.wake, made.due) == (ROUTE, None)


# meet: what a hint means


def test_h_1_a_runnable_execution_is_claimed_from_the_hint_that_is_named():
    match meet(execution(), hint(7), OWNER, moment()):
        case Claim((started,)):
            assert (started.n, started.attempt, started.work_sequence, started.ack_subject) == (
                2,
                1,
                7,
                "ack.1.7",
            )
            assert (started.worker_id, started.connection, started.fired) == ("w1", "c1", None)
        case other:
            pytest.fail(f"not a claim: {other}")


@pytest.mark.parametrize("end", [(ev.Started, ev.Completed), (ev.Started, ev.Failed), (ev.Cancelled,)])
def test_h_1_what_has_ended_is_done(end):
    assert isinstance(meet(execution(*end), hint(), OWNER, moment()), Done)


def test_h_1_what_runs_on_another_hint_is_done_with_this_one():
    assert isinstance(meet(execution(ev.Started), hint(8), OWNER, moment()), Done)


def test_h_1_what_runs_on_this_very_hint_asks_its_owner():
    assert meet(execution(ev.Started), hint(7), OWNER, moment()) == AskOwner("w1")


@pytest.mark.parametrize(
    "again",
    [
        (ev.Started, ev.Recovered),
        (ev.Started, ev.Released),
        (ev.Started, ASKED, WAITING, ev.Answered),
        (ev.Started, ev.Failed, ev.RetryRequested),
    ],
    ids=["recovered", "released", "answered", "retried"],
)
def test_h_1_only_hints_of_the_event_that_made_it_ready_or_later_ones_are_claimed_from(again):
    state = execution(*again)
    for earlier in range(1, state.n):
        assert isinstance(meet(state, hint(99, n=earlier), OWNER, moment()), Done)
    for later in (state.n, state.n + 1):
        assert isinstance(meet(state, hint(99, n=later), OWNER, moment()), Claim)


@pytest.mark.parametrize(
    "again",
    [(ev.Started, ev.AttemptFailed), (ev.Started, ev.Slept, ev.Suspended), (ev.Started, ASKED, WAITING)],
    ids=["retrying", "sleeping", "asking"],
)
def test_what_waits_is_not_run_by_a_hint_that_brings_nothing(again):
    assert isinstance(meet(execution(*again), hint(8), OWNER, moment()), Done)


def test_m_2_a_fired_timer_that_is_awaited_is_due_whatever_any_clock_says():
    long_before = moment(-10_000)
    match meet(DELAYED, hint(fired=1), OWNER, long_before):
        case Claim((started,)):
            assert started.fired == 1
        case other:
            pytest.fail(f"not a claim: {other}")


def test_m_2_a_timer_that_nobody_awaits_any_more_is_done():
    retrying_again = execution(ev.Started, ev.AttemptFailed, (ev.Started, {"attempt": 2, "fired": 3}),
                               (ev.AttemptFailed, {"attempt": 2}))  # fmt: skip
    assert isinstance(meet(retrying_again, hint(8, fired=3), OWNER, moment()), Done)
    assert isinstance(meet(retrying_again, hint(8, fired=5), OWNER, moment()), Claim)


def test_h_4_a_hint_of_another_queue_is_done_unless_it_is_somebody_s_lease():
    assert isinstance(meet(execution(), hint(route="gpu.high"), OWNER, moment()), Done)
    assert isinstance(meet(execution(ev.Started), hint(7, route="gpu.high"), OWNER, moment()), AskOwner)


def test_h_2_three_recoveries_without_a_checkpoint_are_a_poison():
    lost = []
    for attempt in (1, 2, 3):
        claimed = {"attempt": attempt, "work_sequence": 10 + attempt}
        lost += [(ev.Started, claimed), (ev.Recovered, {"attempt": attempt})]
    assert isinstance(meet(execution(*lost[:4]), hint(n=5), OWNER, moment()), Claim)
    match meet(execution(*lost), hint(n=7), OWNER, moment()):
        case Finish((failed,)):
            assert (failed.reason, failed.error.retryable) == ("poison", False)
        case other:
            pytest.fail(f"not finished: {other}")


def test_h_2_a_checkpoint_between_recoveries_is_progress():
    lost = []
    for attempt in range(1, 7):
        lost += [
            (ev.Started, {"attempt": attempt}),
            (ev.CheckpointReached, {"attempt": attempt}),
            (ev.Recovered, {"attempt": attempt}),
        ]
    assert isinstance(meet(execution(*lost), hint(8, n=19), OWNER, moment()), Claim)


def test_c_1_a_cancelling_execution_asks_its_owner_from_any_hint():
    state = execution(ev.Started, ev.CancelRequested)
    for sequence in (7, 8):
        assert meet(state, hint(sequence), OWNER, moment()) == AskOwner("w1")


def test_c_1_a_cancelling_execution_that_nobody_holds_is_cancelled_without_running():
    state = execution(ev.Started, ev.CancelRequested, ev.Recovered)
    match meet(state, hint(8), OWNER, moment()):
        case Finish((cancelled,)):
            assert isinstance(cancelled, ev.Cancelled)
        case other:
            pytest.fail(f"not finished: {other}")


# The owner is silent


def test_a_silent_owner_s_execution_is_recovered_and_wakes_its_queue():
    (recovered,) = decide.owner_silent(execution(ev.Started), moment())
    assert (recovered.wake, recovered.worker_id, recovered.attempt) == (ROUTE, "w1", 1)


def test_c_1_a_silent_owner_s_cancel_is_finished_without_running_anything():
    (cancelled,) = decide.owner_silent(execution(ev.Started, ev.CancelRequested), moment())
    assert isinstance(cancelled, ev.Cancelled)


# An attempt ended badly


def after_failures(count: int, **policy):
    kinds = []
    for attempt in range(1, count + 1):
        fired = None if attempt == 1 else 2 * attempt - 1
        kinds += [
            (ev.Started, {"attempt": attempt, "fired": fired}),
            (ev.AttemptFailed, {"attempt": attempt}),
        ]
    fired = None if count == 0 else 2 * count + 1
    first = event(ev.Submitted, 1, retry=Retry(**policy))
    rest = [event(kind, n, **fields) for n, (kind, fields) in enumerate(
        [*kinds, (ev.Started, {"attempt": count + 1, "fired": fired})], 2)]  # fmt: skip
    return fold([first, *rest])


def test_an_attempt_that_may_be_tried_again_names_its_due_time():
    (made,) = decide.attempt_ended_badly(
        after_failures(1, first=2.0, factor=3.0), moment(10), ERROR, lambda: 0.5
    )
    assert isinstance(made, ev.AttemptFailed)
    assert (made.due - T0).total_seconds() == 10 + 0.5 * 6
    assert made.attempt == 2


def test_the_task_may_name_the_delay_itself():
    (made,) = decide.attempt_ended_badly(after_failures(0), moment(), ERROR, lambda: 0.5, after=77)
    assert (made.due - T0).total_seconds() == 77


@pytest.mark.parametrize(
    "failures, error, reason",
    [
        (2, ERROR, "exhausted"),
        (0, FATAL, "error"),
        (2, ev.Failure(type="timed_out", message=""), "timed_out"),
        (0, ev.Failure(type="timed_out", message="", retryable=False), "timed_out"),
    ],
)
def test_an_attempt_that_was_the_last_ends_the_execution(failures, error, reason):
    (made,) = decide.attempt_ended_badly(after_failures(failures), moment(), error, lambda: 0.5, after=1)
    assert isinstance(made, ev.Failed)
    assert made.reason == reason


def test_what_was_never_to_be_tried_again_is_not_called_exhausted():
    (made,) = decide.attempt_ended_badly(after_failures(0, attempts=1), moment(), ERROR, lambda: 0.5)
    assert made.reason == "error"


# cancel


def test_what_nobody_holds_is_cancelled_at_once():
    for state in (
        execution(),
        DELAYED,
        execution(ev.Started, ev.AttemptFailed),
        execution(ev.Started, ASKED, WAITING),
    ):
        (made,) = commands.cancel(state, moment(), "enough")
        assert isinstance(made, ev.Cancelled)
        assert made.because == "enough"


def test_c_1_what_is_held_is_asked_to_stop_and_that_is_a_wake():
    (made,) = commands.cancel(execution(ev.Started), moment(), "enough")
    assert isinstance(made, ev.CancelRequested)
    assert (made.wake, made.because) == (ROUTE, "enough")


@pytest.mark.parametrize("state", [execution(ev.Cancelled), execution(ev.Started, ev.CancelRequested)])
def test_a_repeated_cancel_is_no_event_and_no_error(state):
    assert commands.cancel(state, moment(), None) == ()


@pytest.mark.parametrize("end", [ev.Completed, ev.Failed])
def test_what_has_ended_otherwise_cannot_be_cancelled(end):
    with pytest.raises(AlreadyEnded, match=r"already (completed|failed)"):
        commands.cancel(execution(ev.Started, end), moment(), None)


# retry


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("ended", [execution(ev.Started, ev.Failed), execution(ev.Cancelled)])
def test_what_failed_or_was_cancelled_gets_another_life(ended, fresh):
    (made,) = commands.retry(ended, moment(), fresh=fresh)
    assert (made.wake, made.fresh) == (ROUTE, fresh)


@pytest.mark.parametrize("state", [execution(), execution(ev.Started), execution(ev.Started, ev.Completed)])
def test_nothing_else_is_retried(state):
    with pytest.raises(NotRetryable):
        commands.retry(state, moment(), fresh=False)


# answer


def test_an_answer_wakes_what_waits_for_it():
    (made,) = commands.answer(execution(ev.Started, ASKED, WAITING), moment(actor="ann"), raw("yes"), None)
    assert (made.wait, made.wake, bytes(made.answer), made.actor) == ("question", ROUTE, b'"yes"', "ann")


def test_an_answer_to_what_runs_is_no_wake():
    (made,) = commands.answer(execution(ev.Started, ASKED), moment(), raw("yes"), "question")
    assert made.wake is None


def test_one_of_several_questions_has_to_be_named():
    state = execution(ev.Started, ASKED, (ev.QuestionAsked, {"wait": "other"}), WAITING)
    with pytest.raises(Conflict) as refused:
        commands.answer(state, moment(), raw(1), None)
    assert "question, other" in refused.value.fix
    (made,) = commands.answer(state, moment(), raw(1), "other")
    assert made.wait == "other"


@pytest.mark.parametrize(
    "state, question_id",
    [
        (execution(ev.Started), None),
        (execution(ev.Started, ASKED, WAITING, ev.Answered), None),
        (execution(ev.Started, ASKED, WAITING), "another"),
        (execution(ev.Started, ASKED, ev.Completed), None),
        (execution(ev.Started, ASKED, ev.CancelRequested), None),
        (execution(ev.Started, ev.Slept, ev.Suspended), "sleep"),
    ],
    ids=["none asked", "answered", "another one", "ended", "cancelling", "a sleep"],
)
def test_what_is_not_open_is_not_answered(state, question_id):
    with pytest.raises(QuestionClosed):
        commands.answer(state, moment(), raw("yes"), question_id)


# The envelope


def test_an_envelope_counts_on_and_keeps_all_routes():
    made = decide.envelope(execution(ev.Started), moment(5, actor="ann"), ahead=2, wake="gpu.high")
    assert (made["n"], made["wake"], made["routes"], made["actor"]) == (
        4,
        "gpu.high",
        (ROUTE, "gpu.high"),
        "ann",
    )
    again = decide.envelope(execution(), moment(), wake=ROUTE)
    assert again["routes"] == (ROUTE,)


def test_the_caller_s_policy_goes_before_the_task_s():
    asked, announced = Retry(attempts=2), RetryPolicy(attempts=9)
    assert decide.retry_policy(asked, announced) is asked
    assert decide.retry_policy(None, announced) is announced
    assert decide.retry_policy(None, None).attempts == 3


def test_m_2_a_timer_s_hint_that_finds_it_ready_for_another_reason_ends_no_sleep():
    state = execution(ev.Started, ASKED, ev.Slept, ev.Suspended, ev.Answered)
    assert isinstance(meet(state, hint(8, fired=5), OWNER, moment()), Done)
    match meet(state, hint(9, n=6, fired=5), OWNER, moment()):
        case Claim((started,)):
            assert started.fired is None
        case other:
            pytest.fail(f"not a claim: {other}")
