"""Every execution that does not run has a reason in words; each cause is told for what it is, with its fix."""

import itertools
from datetime import timedelta

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.explain import (
    CODES,
    Facts,
    HolderFact,
    LimitFact,
    QueueFact,
    Standing,
    WorkerFact,
    explain,
)
from onward.contract.lifecycle import fold
from onward.contract.view import StallView
from tests.support.builders import ERROR, FATAL, T0, events, raw
from tests.unit.contract.test_reachable import STATES

NOW = T0 + timedelta(seconds=30)
HOUR = timedelta(hours=1)


def worker(name="w1", **more):
    usual = {"status": "listening", "queues": ("default",), "tasks": ("report",), "slots": 8, "busy": 0}
    return WorkerFact(worker_id=name, **{**usual, "last_seen": NOW, **more})


FREE = (worker(),)


def facts(*kinds, submitted=ev.Submitted, **more):
    log = tuple(events(submitted, *kinds))
    usual = {"now": NOW, "queue": QueueFact(name="default"), "workers": FREE}
    return Facts(state=fold(log), events=log, **{**usual, **more})


def codes(given):
    return [cause.code for cause in explain(given).causes]


SUSPENDED = (ev.Suspended, {"reason": "waiting", "due": None})
SPAWNED = (ev.ChildrenSpawned, {"inputs": (raw(1), raw(2))})
ONE_FAILED = (
    ev.ChildrenDone, {"ends": (ev.ChildEnd(group="map", born=3, index=0, outcome="failed"),), "wake": None},
)  # fmt: skip
UNDOABLE = (ev.CheckpointReached, {"name": "charge", "undo": "refund"})
LATER = (ev.Submitted, {"wake": None, "due": NOW + timedelta(seconds=90), "actor": "key:ann"})
BY_ANN = {"actor": "key:ann", "because": "the index is rebuilt"}

HOLDERS = (
    HolderFact(execution_id="a", since=NOW - timedelta(seconds=12), worker_id="w1"),
    HolderFact(execution_id="b", since=NOW - HOUR, reason="sleeping"),
    HolderFact(execution_id="c"),
)

CASES = {
    "no_worker": (facts(workers=()), "no worker takes from queue default; none did lately", "worker start --queue"),
    "no_worker, one did": (
        facts(workers=(worker(status="gone", last_seen=NOW - HOUR),)), "w1 did until 60 min ago", "worker start",
    ),
    "no_worker, elsewhere": (
        facts(workers=(worker(queues=("fast", "slow")),)), "no worker takes", "know report take from: fast, slow",
    ),
    "queue_unknown": (
        facts(workers=(), queue=QueueFact(name="defualt", known=False)), "there is no queue defualt", "queue create",
    ),
    "task_not_offered": (
        facts(workers=(worker(tasks=("shell",)),)), "1 worker of queue default does not know task report",
        "worker start MODULE",
    ),
    "workers_paused": (facts(workers=(worker(status="paused"),)), "w1 is paused", "onward worker resume w1"),
    "workers_paused, draining": (facts(workers=(worker(status="draining"),)), "w1 is draining", "start another one"),
    "workers_full": (facts(workers=(worker(busy=8),)), "all slots are taken: 8/8 on 1 worker", "another worker"),
    "queue_paused": (
        facts(queue=QueueFact(name="default", paused=True, paused_by="key:ann", paused_because="we move")),
        'queue default is paused by key:ann ("we move")', "onward queue resume default",
    ),
    "limited": (
        facts(limits=(LimitFact(kind="key", name="customer:7", most=2, holders=HOLDERS[:2], held=2, place=3),)),
        "2 run at the same time, held by a (on worker w1, for 12 s), b (sleeping, for 60 min); it is number 3 in line",
        "raise the limit",
    ),
    "limited, many": (
        facts(limits=(LimitFact(kind="key", name="customer:7", most=40, holders=HOLDERS, held=40),)),
        "at the same time, held by a (on worker w1, for 12 s), b (sleeping, for 60 min), c and 37 more", "cancel one",
    ),
    "limited, queue": (
        facts(limits=(LimitFact(kind="queue", name="fast", most=1, holders=HOLDERS[:1], held=1),)),
        "queue fast lets 1 run at the same time, held by a (on worker w1, for 12 s)", "raise the limit",
    ),
    "limited, behind": (
        facts(limits=(LimitFact(kind="key", name="customer:7", most=2, holders=HOLDERS[:1], place=3, behind=True),)),
        "others wait for key customer:7 as well: it is number 3 in line, held by a (on worker w1, for 12 s)",
        "prioritize 9",
    ),
    "limited, behind in a rate": (
        facts(limits=(LimitFact(kind="key", name="mails", most=5, place=3, behind=True, back_at=NOW + HOUR),)),
        "it is number 3 in line and may start in 60 min", "prioritize 9",
    ),
    "rate_limited, in line": (
        facts(limits=(LimitFact(kind="rate", name="mails", most=5, place=2, back_at=NOW + 2 * HOUR),)),
        "it is number 2 in line and may start in 2 h", "raise the rate",
    ),
    "rate_limited": (
        facts(limits=(LimitFact(kind="rate", name="default", most=10, back_at=NOW + timedelta(seconds=12)),)),
        "the next may start in 12 s", "raise the rate",
    ),
    "ahead": (
        facts(standing=Standing(ahead=13, per_second=0.5)),
        "13 ahead of it in class normal of queue default; at the present pace it starts in about 28 s", "prioritize 9",
    ),
    "starting": (facts(now=T0 + timedelta(seconds=2)), "a worker of queue default is free", "nothing to do"),
    "overlooked": (facts(), "has not taken it for 29 s", "onward doctor"),
    "paused": (facts((ev.Paused, BY_ANN)), 'it is paused by key:ann ("the index is rebuilt")', "execution resume"),
    "delayed": (facts(submitted=LATER), "it is to start at 2026-01-01 12:02:00 UTC, in 90 s", "delay now"),
    "retrying": (
        facts(ev.Started, (ev.AttemptFailed, {"due": NOW + timedelta(seconds=4)})),
        "attempt 2 of 3 starts in 4 s after ValueError: no", "execution logs",
    ),
    "sleeping": (
        facts(ev.Started, ev.Slept, ev.Suspended), "it sleeps until 2026-01-01 13:00:00 UTC", "nothing to do",
    ),
    "waiting_for_input": (
        facts(ev.Started, (ev.QuestionAsked, {"to": "team:ops", "choices": ("yes", "no")}), SUSPENDED),
        'it waits for team:ops to answer "Go on?" (yes | no)', "onward execution answer",
    ),
    "waiting_for_event": (facts(ev.Started, ev.EventAwaited, SUSPENDED), "the event paid", "execution send"),
    "waiting_for_children": (
        facts(
            ev.Started, SPAWNED, ONE_FAILED,
            (ev.Suspended, {"reason": "waiting_for_children", "due": None, "children": {"map": 2}}),
            failed_children=("child-0",),
        ),
        "1 of 2 children of map have ended, 1 did not complete (child-0)", "execution children",
    ),
    "timer_fired": (
        facts(ev.Started, (ev.AttemptFailed, {"due": NOW - timedelta(seconds=5)}), workers=()),
        "its time came 5 s ago", "nothing to do",
    ),
    "handed_back": (facts(ev.Started, ev.Released, workers=()), "worker w1 drained", "nothing to do"),
    "recovering": (facts(ev.Started, ev.Recovered, workers=()), "its worker w1 was lost", "another worker"),
    "worker_silent": (facts(ev.Started, workers=()), "worker w1 holds it and was not heard of", "within 20 s"),
    "pausing": (facts(ev.Started, (ev.Paused, BY_ANN)), "it was paused by key:ann", "execution resume"),
    "cancelling": (
        facts(ev.Started, (ev.CancelRequested, BY_ANN)), "a cancel was asked for by key:ann", "forced after its grace",
    ),
    "cancelling, undoing": (
        facts(ev.Started, UNDOABLE, ev.Released, ev.CancelRequested), "to undo: charge", "undoes its steps first",
    ),
    "undoing": (facts(ev.Started, UNDOABLE, ev.Compensating), "first it undoes: charge", "execution logs"),
    "running": (
        facts(ev.Started, (ev.StepStarted, {"name": "charge"})), "worker w1 runs attempt 1 of it, in step charge",
        "--follow",
    ),
    "stalled": (
        facts(ev.Started, stalled=StallView(because="quiet", since=NOW - HOUR)),
        "nothing was saved, logged or said of progress for 60 min", "--tail",
    ),
    "stalled, slow": (
        facts(ev.Started, stalled=StallView(because="slow", since=NOW - HOUR)),
        "for 60 min it has taken longer than 99 of 100 of its task did", "--tail",
    ),
    "deadline": (
        facts(submitted=(ev.Submitted, {"deadlines": {"queue": NOW + HOUR}}), workers=()),
        "it has to be started in 60 min, or it fails as timed out", "execution extend",
    ),
    "completed": (facts(ev.Started, ev.Completed), "it completed in 1 s, after 1 attempt", "rerun"),
    "cancelled": (facts((ev.Cancelled, BY_ANN)), 'it was cancelled by key:ann ("the index is rebuilt")', "retry"),
    "failed_error": (
        facts(ev.Started, ev.StepFailed, (ev.Failed, {"error": FATAL})),
        "it failed (error) after 1 attempt in step one: ValueError: no; an error of this kind is not tried again",
        "retry",
    ),
    **{
        f"failed_{reason}": (
            facts(ev.Started, (ev.Failed, {"reason": reason})), f"it failed ({reason})", "onward execution retry",
        )
        for reason in ("exhausted", "timed_out", "poison", "policy_denied", "held")
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_cause_is_told_with_its_holder_and_its_fix(case):
    given, text, fix = CASES[case]

    [cause] = [cause for cause in explain(given).causes if cause.code == case.partition(",")[0]]

    assert text in cause.text
    assert fix in (cause.fix or "")


def test_there_is_a_case_for_every_code():
    assert {case.partition(",")[0] for case in CASES} == set(CODES)


WORKERS = {
    "none": (),
    "gone": (worker(status="gone"),),
    "elsewhere": (worker(queues=("other",)),),
    "other task": (worker(tasks=("shell",)),),
    "paused": (worker(status="paused"),),
    "draining": (worker(status="draining"),),
    "full": (worker(busy=8),),
    "free": FREE,
}


QUEUES = list(itertools.product([True, False], [True, False], [None, 0, 5]))


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("known, paused, ahead", QUEUES)
def test_seed_stuck_pending_has_a_reason_in_every_state_of_its_queue(workers, known, paused, ahead):
    given = facts(
        workers=WORKERS[workers], queue=QueueFact(name="default", known=known, paused=paused),
        standing=None if ahead is None else Standing(ahead=ahead),
    )  # fmt: skip

    causes = explain(given).causes

    assert causes
    assert all(cause.code in CODES and cause.text and cause.fix for cause in causes)
    if workers != "free":
        assert {cause.code for cause in causes} - {"queue_paused", "ahead", "starting", "overlooked"}


def test_every_state_that_can_be_reached_has_a_reason():
    for state, path in STATES.values():
        for seconds, workers in itertools.product((0, 100_000), ((), FREE)):
            now = state.updated_at + timedelta(seconds=seconds)
            causes = explain(
                Facts(now=now, state=state, events=(), queue=QueueFact(name="default"), workers=workers)
            ).causes
            assert causes, path
            assert all(cause.code in CODES for cause in causes), path
            assert not any("unknown" in cause.text or "None" in cause.text for cause in causes), path


def test_what_has_to_be_done_first_stands_first():
    given = facts(
        workers=(worker(busy=8),), queue=QueueFact(name="default", paused=True), standing=Standing(ahead=3)
    )

    assert codes(given) == ["queue_paused", "workers_full", "ahead"]


def test_paused_while_it_waits_tells_both():
    given = facts(ev.Started, ev.QuestionAsked, SUSPENDED, ev.Paused)

    assert codes(given) == ["paused", "waiting_for_input"]


def test_a_time_that_has_come_is_followed_by_why_nobody_took_it_up():
    given = facts(ev.Started, (ev.AttemptFailed, {"due": NOW, "error": ERROR}), workers=())

    assert codes(given) == ["timer_fired", "no_worker"]


def test_seed_pending_shows_position_age_and_an_estimated_start():
    told = explain(facts(standing=Standing(ahead=9, per_second=2.0), workers=(worker(busy=8),)))

    assert (told.ahead, told.waiting_since) == (9, T0 + timedelta(seconds=1))
    assert told.estimated_start == NOW + timedelta(seconds=5)
    assert msgspec.to_builtins(explain(facts(ev.Started)))["ahead"] is None
