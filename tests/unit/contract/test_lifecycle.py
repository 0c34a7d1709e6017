"""The state machine from both sides: what moves an execution, and what is refused."""

from itertools import product

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution, Status, Wait
from onward.contract.lifecycle import BY_OWNER, TRANSITIONS, Refused, advance, fold
from onward.contract.limit import LimitPolicy
from tests.support.builders import ERROR, ROUTE, T0, event, events, execution, moment, raw

KINDS = [kind for kind in ev.KNOWN.__args__ if kind is not ev.Carried]
ASKED = (ev.QuestionAsked, {})
WAITING = (ev.Suspended, {"reason": "waiting_for_input", "due": None})
CHILDREN = {"reason": "waiting_for_children", "due": None}
UNDOABLE = (ev.CheckpointReached, {"name": "charge", "undo": "refund"})
GATE = "_limits.normal"
LIMITS = {"limits": (LimitPolicy("customer:7", max=1), LimitPolicy("queue:default", max=2))}
ADMITTED = (ev.Admitted, {"wake": ROUTE, "grants": {"customer:7": 3, "queue:default": 4}})
GIVES_BACK = (ev.Suspended, {"gives_back": ("queue:default",)})
SAMPLES = {
    "queued": (),
    "delayed": None,
    "limited": (),
    "admitted": (ADMITTED,),
    "limited, asleep": (ADMITTED, ev.Started, ev.Slept, GIVES_BACK),
    "limited, retried": (ev.Cancelled, ev.RetryRequested),
    "executing": (ev.Started,),
    "cancelling": (ev.Started, ev.CancelRequested),
    "asking": (ev.Started, ASKED),
    "waiting for input": (ev.Started, ASKED, WAITING),
    "sleeping": (ev.Started, ev.Slept, ev.Suspended),
    "retrying": (ev.Started, ev.AttemptFailed),
    "recovering": (ev.Started, ev.Recovered),
    "released": (ev.Started, ev.Released),
    "awaiting": (ev.Started, ev.EventAwaited, (ev.Suspended, {"reason": "waiting_for_event", "due": None})),
    "parent": (ev.Started, ev.ChildrenSpawned, (ev.Suspended, {**CHILDREN, "children": {"map": 1}})),
    "parent of more": (ev.Started, ev.ChildrenSpawned, (ev.Suspended, {**CHILDREN, "children": {"map": 2}})),
    "parent, retried": (ev.Started, ev.ChildrenSpawned, ev.Failed, ev.RetryRequested),
    "paused": (ev.Started, ev.Slept, ev.Suspended, ev.Paused),
    "pausing": (ev.Started, ev.Paused),
    "paused at its end of step": (ev.Started, ev.Paused, (ev.Suspended, {"reason": "paused", "due": None})),
    "queued and paused": (ev.Paused,),
    "undoable": (ev.Started, UNDOABLE),
    "undoable, retried": (ev.Started, UNDOABLE, ev.Failed, ev.RetryRequested),
    "undoing": (ev.Started, UNDOABLE, ev.Compensating),
    "to be undone": (ev.Started, UNDOABLE, ev.Slept, ev.Suspended, ev.CancelRequested),
    "completed": (ev.Started, ev.Completed),
    "failed": (ev.Started, ev.Failed),
    "held for repair": (ev.Started, (ev.Failed, {"reason": "held"})),
    "held, to be undone": (ev.Started, UNDOABLE, (ev.Failed, {"reason": "held"})),
    "held, now being undone": (ev.Started, UNDOABLE, (ev.Failed, {"reason": "held"}), ev.CancelRequested),
    "cancelled": (ev.Cancelled,),
    "retried": (ev.Cancelled, ev.RetryRequested),
}


LIMITED = {"limited", "admitted", "limited, asleep", "limited, retried"}


def sample(name: str) -> Execution:
    if name == "delayed":
        return fold([event(ev.Submitted, wake=None, due=T0)])
    first = (ev.Submitted, {"wake": GATE, "routes": (GATE,), **LIMITS}) if name in LIMITED else ev.Submitted
    return fold(events(first, *SAMPLES[name]))


def fitting(kind, state: Execution):
    """An event of this kind with what its guard asks for: the attempt, the timer that fired."""
    fields = {"attempt": state.attempt} if "attempt" in kind.__struct_fields__ else {}
    if kind is ev.WaitExpired and state.waits:
        fields = {"wait": next(iter(state.waits))}
    if kind is ev.CheckpointReached and state.undoing:
        fields |= {"kind": "undo"}
    if kind is ev.StepFailed and state.undoing:
        fields |= {"scope": "undo"}
    if kind is ev.ChildrenSpawned and state.groups:
        fields = {"first": state.groups["map"].spawned}
    if kind is ev.Moved:
        fields = {"due": state.due}
    if kind in {ev.Admitted, ev.Gated}:
        fields = {"fired": state.asked_due}
    if kind is ev.Started:
        fields = {"attempt": state.attempt + (not state.resumes), "fired": state.asked_due}
    return event(kind, state.n + 1, **fields)


def moves(kind, state: Execution) -> Execution | None:
    after = advance(state, fitting(kind, state))
    return None if isinstance(after, Refused) else after


@pytest.mark.parametrize(
    "pair", list(product(Status, KINDS)), ids=lambda pair: f"{pair[0]}-{pair[1].__name__}"
)
def test_each_pair_of_status_and_event_moves_as_the_table_says_or_is_refused(pair):
    status, kind = pair
    states = [state for state in map(sample, SAMPLES) if state.status is status]
    outcomes = {after.status for state in states if (after := moves(kind, state)) is not None}
    expected = TRANSITIONS.get((status, kind))
    assert outcomes == (set() if expected is None else {expected})


FREE = {ev.Failed, ev.Cancelled, ev.EventReceived, ev.Paused, ev.Amended, ev.Moved, ev.StepEdited}
READY = {ev.Started, ev.Gated, ev.Queued, *FREE}
DUE = {ev.Started, ev.Gated, *FREE}
WAITLESS = {*BY_OWNER} - {ev.WaitExpired}
HELD = {
    *WAITLESS, ev.Recovered, ev.CancelRequested, ev.Failed, ev.EventReceived, ev.Paused, ev.Amended, ev.Moved,
}  # fmt: skip
UNDOING = {ev.CheckpointReached, ev.StepFailed, ev.Released, ev.Recovered}
MOVES = {
    "queued": READY,
    "delayed": DUE,
    "limited": {ev.Admitted, ev.Gated, ev.Queued, *FREE},
    "admitted": READY,
    "limited, asleep": {ev.Admitted, ev.Gated, *FREE},
    "limited, retried": {ev.Admitted, ev.Gated, ev.Queued, *FREE},
    "executing": HELD,
    "cancelling": {ev.Recovered, ev.Cancelled},
    "asking": {*HELD, ev.WaitExpired, ev.Answered, ev.QuestionReminded},
    "waiting for input": {*FREE, ev.Answered, ev.QuestionReminded},
    "sleeping": DUE,
    "retrying": DUE,
    "recovering": READY,
    "released": READY,
    "awaiting": FREE,
    "parent": {ev.ChildrenDone, *FREE},
    "parent of more": {ev.ChildrenDone, *FREE},
    "parent, retried": {ev.ChildrenDone, *READY},
    "paused": {ev.Resumed, *FREE} - {ev.Paused},
    "pausing": {*HELD, ev.Resumed} - {ev.Paused},
    "paused at its end of step": {ev.Resumed, *FREE} - {ev.Paused},
    "queued and paused": {ev.Resumed, *FREE} - {ev.Paused},
    "undoable": {*HELD, ev.Compensating},
    "undoable, retried": {ev.CancelRequested, ev.Compensating, *READY},
    "undoing": {*UNDOING, ev.Failed},
    "to be undone": {ev.Started, ev.Cancelled, ev.StepEdited},
    "completed": set(),
    "failed": {ev.RetryRequested, ev.StepEdited},
    "held for repair": {ev.RetryRequested, ev.StepEdited, ev.Cancelled},
    "held, to be undone": {ev.RetryRequested, ev.StepEdited, ev.Cancelled, ev.CancelRequested},
    "held, now being undone": {ev.Started, ev.Cancelled, ev.StepEdited},
    "cancelled": {ev.RetryRequested, ev.StepEdited},
    "retried": READY,
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_state_is_left_by_these_events_and_no_others(name):
    assert {kind for kind in KINDS if moves(kind, sample(name))} == MOVES[name]


def test_completed_is_left_by_nothing():
    assert not [kind for status, kind in TRANSITIONS if status is Status.COMPLETED]


# A log's beginning and its ordinals


def test_only_a_submission_or_a_carried_state_begins_a_log():
    refused = [kind for kind in KINDS if isinstance(advance(None, event(kind, 1)), Refused)]
    assert set(refused) == set(KINDS) - {ev.Submitted}
    assert isinstance(advance(None, event(ev.Carried, 9, state=raw(execution()))), Execution)


def test_a_log_that_begins_in_the_middle_is_never_folded():
    with pytest.raises(BrokenLog, match="begins at 2"):
        fold([event(ev.Submitted, 2)])


def test_a_carried_state_of_which_the_first_part_is_missing_is_never_folded():
    with pytest.raises(BrokenLog, match="part 2"):
        fold([event(ev.Carried, 9, state=raw(execution()), part=2, parts=2)])


@pytest.mark.parametrize("n", [1, 3, 4])
def test_a_hole_or_a_repetition_is_reported_not_folded_over(n):
    with pytest.raises(BrokenLog):
        fold([*events(ev.Submitted), event(ev.Started, n)])


def test_an_illegal_event_breaks_the_fold_of_a_stored_log():
    with pytest.raises(BrokenLog, match="completed may not follow pending"):
        fold(events(ev.Submitted, ev.Completed))


def test_an_empty_log_is_no_execution():
    with pytest.raises(BrokenLog):
        fold([])


def test_a_submission_without_a_route_is_refused():
    assert isinstance(advance(None, event(ev.Submitted, 1, routes=())), Refused)


# Guards


@pytest.mark.parametrize("name", [name for name in SAMPLES if not sample(name).held])
def test_only_a_held_execution_takes_events_of_an_owner(name):
    state = sample(name)
    assert [kind for kind in BY_OWNER if moves(kind, state)] == []


def test_after_a_cancel_was_asked_for_nothing_but_cancelled_or_recovered_follows():
    assert {kind for kind in KINDS if moves(kind, sample("cancelling"))} == {ev.Cancelled, ev.Recovered}


def test_a_held_execution_is_not_cancelled_behind_its_owner_s_back():
    assert moves(ev.Cancelled, sample("executing")) is None
    assert moves(ev.Cancelled, sample("cancelling")) is not None


@pytest.mark.parametrize("kind", [kind for kind in BY_OWNER if "attempt" in kind.__struct_fields__])
def test_an_event_of_another_attempt_is_refused(kind):
    state = execution(ev.Started, ev.Recovered, (ev.Started, {"attempt": 2}))
    assert isinstance(advance(state, event(kind, state.n + 1, attempt=1)), Refused)
    assert isinstance(advance(state, event(kind, state.n + 1, attempt=2)), Execution)


@pytest.mark.parametrize(
    "name, attempt", [("queued", 1), ("retrying", 2), ("recovering", 2), ("sleeping", 1)]
)
def test_a_claim_counts_attempts_without_a_gap(name, attempt):
    state = sample(name)
    for wrong in {0, 1, 2, 3} - {attempt}:
        claim = event(ev.Started, state.n + 1, attempt=wrong, fired=state.asked_due)
        assert isinstance(advance(state, claim), Refused)
    right = event(ev.Started, state.n + 1, attempt=attempt, fired=state.asked_due)
    assert advance(state, right).attempt == attempt


@pytest.mark.parametrize("name", ["delayed", "sleeping", "retrying"])
def test_what_waits_for_its_time_is_claimed_only_for_the_timer_it_asked_for(name):
    state = sample(name)
    attempt = state.attempt + (not state.resumes)
    for fired in (None, state.asked_due + 1, 0):
        assert isinstance(
            advance(state, event(ev.Started, state.n + 1, attempt=attempt, fired=fired)), Refused
        )


def test_a_question_is_answered_once():
    answered = advance(sample("waiting for input"), event(ev.Answered, 5))
    assert isinstance(advance(answered, event(ev.Answered, 6)), Refused)


def test_only_questions_are_answered():
    assert isinstance(advance(sample("sleeping"), event(ev.Answered, 5, wait="sleep")), Refused)


# What events make of it


def test_a_submission_waits_in_its_queue_or_for_its_time():
    queued, delayed = sample("queued"), sample("delayed")
    assert (queued.reason, queued.ready, queued.asked_due) == ("queued", True, None)
    assert (delayed.reason, delayed.ready, delayed.asked_due, delayed.due) == ("delayed", False, 1, T0)
    assert queued.root_id == queued.id


def test_a_claim_names_its_owner_and_ends_the_timer():
    state = advance(sample("retrying"), event(ev.Started, 4, attempt=2, fired=3, work_sequence=9))
    assert (state.worker_id, state.work_sequence, state.held) == ("w1", 9, True)
    assert (state.ready, state.due, state.asked_due) == (False, None, None)


@pytest.mark.parametrize(
    "name, n",
    [("queued", 1), ("delayed", 0), ("recovering", 3), ("released", 3), ("retried", 3), ("retrying", 1)],
)
def test_a_state_knows_which_event_made_it_ready(name, n):
    assert sample(name).ready_by == n


def test_an_answer_makes_ready_what_waits_for_it_and_nothing_else():
    assert execution(ev.Started, ASKED, WAITING, ev.Answered).ready_by == 5
    assert execution(ev.Started, ASKED, ev.Answered).ready_by == 1
    assert execution(ev.Started, ASKED, ev.Recovered, ev.Answered).ready_by == 4


def test_a_fired_timer_ends_the_sleeps_it_was_set_for_and_no_longer_ones():
    later = T0.replace(year=2027)
    state = execution(
        ev.Started,
        (ev.Slept, {"wait": "short"}),
        (ev.Slept, {"wait": "long", "until": later}),
        ev.Suspended,
        (ev.Started, {"fired": 5}),
    )
    assert (state.waits["short"].done, state.waits["long"].done) == (True, False)


def test_an_answer_that_comes_first_leaves_the_sleep_asleep():
    state = execution(ev.Started, ASKED, ev.Slept, ev.Suspended, ev.Answered, ev.Started)
    assert (state.waits["question"].done, state.waits["sleep"].done) == (True, False)


def test_a_wait_said_twice_stays_what_it_has_become():
    state = execution(
        ev.Started, ASKED, ev.Answered, (ev.QuestionAsked, {"text": "Again?"}), ev.Slept, ev.Slept
    )
    assert state.waits["question"].done
    assert state.waits["question"].text == "Go on?"
    assert set(state.waits) == {"question", "sleep"}


def test_an_answer_wakes_what_waits_and_only_that():
    woken = execution(ev.Started, ASKED, WAITING, ev.Answered)
    held = execution(ev.Started, ASKED, ev.Answered)
    between = execution(ev.Started, ASKED, ev.AttemptFailed, ev.Answered)
    assert (woken.ready, woken.reason) == (True, "waiting_for_worker")
    assert (held.ready, held.reason) == (False, "executing")
    assert (between.ready, between.reason, between.asked_due) == (False, "retrying", 4)
    assert between.waits["question"].done


def test_a_failed_attempt_counts_and_a_lost_worker_does_not():
    state = execution(
        ev.Started, ev.AttemptFailed, (ev.Started, {"attempt": 2, "fired": 3}), (ev.Recovered, {"attempt": 2})
    )
    assert (state.failures, state.recoveries, state.attempt) == (1, 1, 2)


def test_a_checkpoint_shows_that_it_is_no_poison():
    state = execution(ev.Started, ev.Recovered, (ev.Started, {"attempt": 2}))
    assert state.recoveries == 1
    assert advance(state, event(ev.CheckpointReached, 5, attempt=2)).recoveries == 0


def test_a_wait_or_a_hand_back_goes_on_with_the_same_attempt():
    for name in ("waiting for input", "sleeping", "released"):
        assert sample(name).resumes
    for name in ("retrying", "recovering", "retried"):
        assert not sample(name).resumes


def test_the_reason_of_a_cancel_is_kept_whoever_finishes_it():
    asked = (ev.CancelRequested, {"because": "wrong input"})
    assert execution(ev.Started, asked, ev.Cancelled).reason == "wrong input"
    assert execution(ev.Started, asked, (ev.Cancelled, {"because": "forced"})).reason == "forced"


def test_an_end_closes_what_is_open_and_a_retry_remembers_what_was_done():
    ended = execution(ev.Started, ASKED, ev.Answered, (ev.QuestionAsked, {"wait": "other"}), ev.Failed)
    assert list(ended.waits) == ["question"]
    again = advance(ended, event(ev.RetryRequested, ended.n + 1))
    fresh = advance(ended, event(ev.RetryRequested, ended.n + 1, fresh=True))
    assert again.waits["question"] == Wait(
        kind="question",
        n=3,
        text="Go on?",
        asked_at=T0.replace(second=3),
        answer=msgspec.Raw(b'"yes"'),
        done=True,
    )
    assert fresh.waits == {}


def test_a_retry_is_another_life_that_counts_on():
    state = execution(ev.Started, ev.Progressed, ev.Failed, ev.RetryRequested)
    assert (state.lives, state.attempt, state.failures, state.recoveries) == (2, 1, 0, 0)
    assert (state.error, state.progress, state.output, state.completed_at) == (None, None, None, None)
    assert (state.ready, state.reason, state.held) == (True, "queued", False)
    assert state.fresh_from == 0
    assert execution(ev.Started, ev.Failed, (ev.RetryRequested, {"fresh": True})).fresh_from == 4


def test_an_outcome_keeps_what_it_needs_to_show():
    done = execution(ev.Started, (ev.Completed, {"output": raw([1])}))
    assert (bytes(done.output), done.reason, done.completed_at) == (b"[1]", None, T0.replace(second=3))
    failed = execution(ev.Started, (ev.Failed, {"reason": "exhausted"}))
    assert (failed.reason, failed.error) == ("exhausted", ERROR)


def test_what_is_carried_is_the_state_and_goes_on_with_its_own_ordinal():
    before = sample("sleeping")
    carried = event(ev.Carried, before.n + 1, state=raw(before))
    assert advance(None, carried) == msgspec.structs.replace(before, n=before.n + 1)
    assert advance(before, carried) == msgspec.structs.replace(before, n=before.n + 1)


def test_a_state_survives_json():
    for name in SAMPLES:
        state = sample(name)
        assert msgspec.json.decode(msgspec.json.encode(state), type=Execution) == state


def test_moment_is_an_argument_everywhere():
    assert moment(5).now.second == 5
