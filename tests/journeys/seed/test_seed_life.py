"""The states of the seed page, and the ways between them."""

import os
import signal
from datetime import datetime

from tests.support.seed_page import Onward


def _types(onward: Onward, execution: str) -> list[str]:
    return [event["type"] for event in onward.rest("GET", f"/executions/{execution}/events")["items"]]


def test_seed_lifecycle_goes_from_pending_over_running_to_completed(onward: Onward) -> None:
    execution = onward.submit("greet", delay=3)
    before = onward.get(execution)
    after = onward.ended(execution)

    assert (before["status"], before["reason"]) == ("pending", "delayed")
    assert after["status"] == "completed"
    assert _types(onward, execution) == ["submitted", "started", "output_generated", "completed"]


def test_seed_transitions_from_failed_to_running_are_retries(onward: Onward) -> None:
    execution = onward.submit("broken")
    onward.ended(execution)

    onward.run("execution", "retry", execution)
    onward.until(lambda: _types(onward, execution), lambda now: now.count("failed") == 2)

    types = _types(onward, execution)
    assert types[types.index("failed") + 1] == "retry_requested"
    assert types[types.index("retry_requested") + 1] == "started"


def test_seed_pending_says_why_it_waits(onward: Onward) -> None:
    execution = onward.submit("greet", delay=60)

    told = onward.get(execution)

    assert (told["status"], told["reason"], told["worker_id"]) == ("pending", "delayed", None)
    assert told["due_at"]
    onward.run("execution", "cancel", execution)


def test_seed_running_names_its_worker_and_how_far_it_is(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 600})

    told = onward.until(lambda: onward.get(execution), lambda now: now["progress"])

    assert told["status"] == "running"
    assert told["worker_id"] in {worker["worker_id"] for worker in onward.rest("GET", "/workers")["items"]}
    assert told["progress"]["message"] == "part 1 of 3"
    onward.run("execution", "cancel", execution)


def test_seed_completed_keeps_its_typed_output(onward: Onward) -> None:
    assert onward.ended(onward.submit("work", {"seconds": 0}))["output"] == 3


def test_seed_failed_tells_what_went_wrong_and_whether_to_try_again(onward: Onward) -> None:
    error = onward.ended(onward.submit("broken"))["error"]

    assert (error["type"], error["retryable"]) == ("KeyError", True)
    assert error["fingerprint"]


def test_seed_cancelled_says_by_whom_and_why(onward: Onward) -> None:
    execution = onward.submit("work")
    onward.running(execution)

    onward.run("execution", "cancel", execution, "--reason", "wrong order", "--wait")

    last = onward.rest("GET", f"/executions/{execution}/events")["items"]
    asked = next(event for event in last if event["type"] == "cancel_requested")
    assert asked["actor"].startswith("key:")
    assert onward.get(execution)["reason"] == "wrong order"


def test_seed_retries_go_on_by_themselves_with_growing_pauses(onward: Onward) -> None:
    execution = onward.submit("fragile")
    ended = onward.ended(execution)

    events = onward.rest("GET", f"/executions/{execution}/events")["items"]
    pauses = [
        (datetime.fromisoformat(event["due"]) - datetime.fromisoformat(event["at"])).total_seconds()
        for event in events
        if event["type"] == "attempt_failed"
    ]
    assert [round(pause, 1) for pause in pauses] == [0.2, 0.4]
    assert (ended["status"], ended["reason"], ended["attempt"]) == ("failed", "exhausted", 3)


def test_seed_backoff_shows_the_next_try(onward: Onward) -> None:
    execution = onward.submit("fragile", retry={"attempts": 2, "first": 30.0, "jitter": False})

    told = onward.until(lambda: onward.get(execution), lambda now: now["reason"] == "retrying")

    assert told["status"] == "running"
    assert told["due_at"]
    onward.run("execution", "cancel", execution)


def test_seed_max_retries_are_set_by_whoever_submits(onward: Onward) -> None:
    ended = onward.ended(onward.submit("fragile", retry={"attempts": 2, "first": 0.05}))

    assert (ended["attempt"], ended["max_attempts"], ended["reason"]) == (2, 2, "exhausted")


def test_seed_crash_of_a_worker_loses_nothing(onward: Onward) -> None:
    """The worker is killed in the middle; the execution stays running, and another process goes on with it."""
    execution = onward.submit("work", {"seconds": 6, "steps": 6})
    worker = onward.running(execution)["worker_id"]
    workers = onward.until(
        lambda: {one["worker_id"]: one["pid"] for one in onward.rest("GET", "/workers")["items"]},
        lambda heard_of: worker in heard_of,
    )
    onward.until(
        lambda: onward.rest("GET", f"/executions/{execution}/checkpoints")["items"], lambda now: len(now) > 1
    )

    os.kill(workers[worker], signal.SIGKILL)
    meanwhile = onward.get(execution)
    ended = onward.ended(execution, within=60)

    assert meanwhile["status"] == "running"
    assert (ended["status"], ended["output"], ended["attempt"]) == ("completed", 6, 2)
    assert ended["worker_id"] != worker


def test_seed_checkpoints_are_what_it_goes_on_from(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 0.1})
    onward.ended(execution)

    saved = onward.rest("GET", f"/executions/{execution}/checkpoints")["items"]

    assert [one["name"] for one in saved if one["name"].startswith("part")] == ["part 1", "part 2", "part 3"]
    assert "part 1" in onward.run("execution", "checkpoints", execution)


def test_seed_question_frees_the_worker_and_takes_one_answer(onward: Onward) -> None:
    execution = onward.submit("deploy", {"version": "2"})
    asked = onward.until(
        lambda: [one for one in onward.json("question", "list") if one["execution_id"] == execution], bool
    )
    waits = onward.until(lambda: onward.get(execution), lambda now: now["worker_id"] is None)

    onward.run("question", "answer", asked[0]["execution_id"], "no")

    assert asked[0]["text"] == "Deploy 2?"
    assert (waits["reason"], waits["worker_id"]) == ("waiting_for_input", None)
    assert onward.ended(execution)["output"] == "2: no"
    onward.run("execution", "answer", execution, "yes", code=2)


def test_seed_events_name_each_milestone(onward: Onward) -> None:
    execution = onward.submit("deploy")
    onward.until(lambda: onward.get(execution), lambda now: now["reason"] == "waiting_for_input")
    onward.run("execution", "answer", execution, "yes")
    onward.ended(execution)
    greeted, failed = onward.submit("greet"), onward.submit("broken")
    onward.ended(greeted)
    onward.ended(failed)

    seen = {*_types(onward, execution), *_types(onward, greeted), *_types(onward, failed)}

    assert {
        "submitted",
        "started",
        "question_asked",
        "answered",
        "output_generated",
        "completed",
        "failed",
    } <= seen
    worked = onward.submit("work", {"seconds": 0})
    onward.ended(worked)
    assert "checkpoint_reached" in _types(onward, worked)


def test_seed_history_keeps_who_when_and_why_in_one_order(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 0})
    onward.ended(execution)

    events = onward.rest("GET", f"/executions/{execution}/events")["items"]

    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    times = [event["at"] for event in events]
    assert times == sorted(times)
    assert events[0]["actor"].startswith("key:")


def test_seed_observability_numbers_lines_without_a_gap(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 0.2, "steps": 20})
    onward.ended(execution)

    read = onward.until(
        lambda: onward.rest("GET", f"/executions/{execution}/logs?limit=200")["items"],
        lambda now: len(now) == 40,
    )

    assert [line["line"] for line in read] == list(range(1, 41))
    assert {line["stream"] for line in read} == {"log", "system"}, "progress stands in the same order"
