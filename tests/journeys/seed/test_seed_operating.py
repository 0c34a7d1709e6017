"""Patterns and troubleshooting of the seed page: several at once, looking into a failure, more time, more slots."""

from tests.support.seed_page import Onward


def _worker(onward: Onward) -> str:
    (first, *_) = onward.until(
        lambda: [one for one in onward.json("worker", "list") if one["status"] == "listening"], bool
    )
    return str(first["worker_id"])


def test_seed_parallel_children_run_at_once_and_end_together(onward: Onward) -> None:
    parent = onward.submit("both", {"names": ["Ada", "Bob"]})

    ended = onward.ended(parent)
    listed = onward.until(lambda: onward.json("execution", "children", parent), lambda found: len(found) == 2)
    children = [onward.get(one["id"]) for one in listed]

    assert ended["output"] == ["hello Ada", "hello Bob"]
    assert max(one["created_at"] for one in children) < min(one["completed_at"] for one in children)


def test_seed_smaller_pieces_are_executions_of_their_own(onward: Onward) -> None:
    parent = onward.submit("both", {"names": ["a", "b", "c"]})
    onward.ended(parent)

    onward.until(
        lambda: [one["status"] for one in onward.json("execution", "children", parent)],
        lambda statuses: statuses == ["completed"] * 3,
    )
    assert onward.get(parent)["children"]["total"] == 3


def test_seed_long_runs_save_their_state_while_they_go_on(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 60, "steps": 300})

    saved = onward.until(lambda: onward.json("execution", "checkpoints", execution), lambda now: len(now) > 3)

    assert onward.get(execution)["status"] == "running"
    assert onward.get(execution)["timeouts"]["execution"] is None, "nothing ends it but its code or a person"
    assert saved[0]["name"] == "part 1"
    onward.run("execution", "cancel", execution)


def test_seed_queue_capacity_shows_depth_workers_and_slots(onward: Onward) -> None:
    (queue,) = onward.until(
        lambda: [one for one in onward.json("queue", "list") if one["name"] == "default"],
        lambda found: found and found[0]["workers"],
    )

    assert queue["workers"] >= 1
    assert queue["slots"] >= queue["workers"]
    assert {"waiting", "running", "oldest"} <= queue.keys()


def test_seed_investigate_from_the_error_over_the_step_to_the_line(onward: Onward) -> None:
    execution = onward.submit("broken", {"order": 12}, retry={"attempts": 1})
    onward.ended(execution)

    error = onward.json("execution", "get", execution)["error"]
    line = onward.run("execution", "logs", execution, "--level", "error")

    assert (error["type"], "_price" in error["stack"]) == ("KeyError", True)
    assert 'await step("price", _price, order)' in error["stack"]
    assert "order 12 has no price" in line


def test_seed_cancel_and_retry_begins_again_from_what_is_saved(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 10, "steps": 20})
    onward.until(lambda: onward.json("execution", "checkpoints", execution), bool)

    onward.run("execution", "cancel", execution, "--wait")
    onward.run("execution", "retry", execution)
    ended = onward.ended(execution)

    first = [one for one in onward.json("execution", "steps", execution) if one["name"] == "part 1"]
    assert (ended["status"], ended["output"]) == ("completed", 20)
    assert [one["attempt"] for one in first] == [1]


def test_seed_timeouts_are_shown_and_extended_while_it_runs(onward: Onward) -> None:
    execution = onward.submit(
        "work", {"seconds": 12, "steps": 4}, timeouts={"attempt": 10.0}, retry={"attempts": 1}
    )
    onward.running(execution)

    onward.run("execution", "extend", execution, "--attempt", "60s")

    assert onward.ended(execution)["status"] == "completed"
    late = onward.ended(
        onward.submit("work", {"seconds": 30}, timeouts={"attempt": 0.5}, retry={"attempts": 1})
    )
    assert late["timeouts"]["attempt"] == 0.5
    assert (late["status"], late["reason"]) == ("failed", "timed_out")


def test_seed_concurrency_of_a_worker_is_set_while_it_works(onward: Onward) -> None:
    worker = _worker(onward)
    before = next(one["slots"] for one in onward.json("worker", "list") if one["worker_id"] == worker)

    onward.run("worker", "slots", worker, str(before + 3))

    onward.until(
        lambda: next(one["slots"] for one in onward.json("worker", "list") if one["worker_id"] == worker),
        lambda now: now == before + 3,
    )
    onward.run("worker", "slots", worker, str(before))


def test_seed_concurrency_of_a_key_lets_one_run_and_names_why_the_other_waits(onward: Onward) -> None:
    words = ("run", "work", "--limit", "customer:{seconds}=1", "-i", '{"seconds": 600}')
    both = {onward.run(*words).strip() for _ in range(2)}
    (runs,) = onward.until(lambda: [one for one in both if onward.get(one)["status"] == "running"], bool)
    (waits,) = both - {runs}
    waiting = onward.until(lambda: onward.get(waits), lambda now: now["reason"] == "limited")
    why = onward.run("execution", "explain", waiting["id"])

    assert waiting["status"] == "pending"
    assert "customer:600" in why
    onward.run("execution", "cancel", runs, "--wait")
    began = onward.running(waits)["started_at"]
    onward.run("execution", "cancel", waits, "--wait")
    assert began > onward.get(runs)["completed_at"]


def test_seed_logging_has_levels_of_the_logging_module_and_of_log(onward: Onward) -> None:
    execution = onward.submit("broken", {"order": 5}, retry={"attempts": 1})
    onward.ended(execution)

    everything = onward.run("execution", "logs", execution)
    errors = onward.run("execution", "logs", execution, "--level", "error")

    assert "order 5 has no price" in everything
    assert len(everything.splitlines()) > len(errors.splitlines()) == 1
