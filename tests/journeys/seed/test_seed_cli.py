"""The commands of the seed page, as they stand there."""

import json

from tests.support.seed_page import Onward


def test_seed_cli_list_filters_at_the_server(onward: Onward) -> None:
    done, held = onward.submit("greet", {"name": "cli"}), onward.submit("work", {"seconds": 600})
    onward.ended(done)
    onward.running(held)

    onward.until(
        lambda: {one["id"] for one in onward.json("execution", "list", "--all")},
        lambda everything: {done, held} <= everything,
    )
    running = onward.until(
        lambda: onward.json("execution", "list", "--status", "running"),
        lambda listed: held in {one["id"] for one in listed},
    )

    assert {one["status"] for one in running} == {"running"}
    onward.run("execution", "cancel", held)


def test_seed_cli_get_shows_where_it_is_and_what_it_brought(onward: Onward) -> None:
    execution = onward.submit("greet", {"name": "Ada"})
    onward.ended(execution)

    told = onward.run("execution", "get", execution[:13])

    assert execution in told
    assert "completed" in told
    assert "hello Ada" in told


def test_seed_cli_logs_prints_the_lines(onward: Onward) -> None:
    execution = onward.submit("greet", {"name": "Bob"})
    onward.ended(execution)

    assert "greeting Bob" in onward.run("execution", "logs", execution)


def test_seed_cli_cancel_stops_it_for_real(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 60})
    onward.running(execution)

    onward.run("execution", "cancel", execution, "--reason", "not needed", "--wait")

    assert onward.get(execution)["status"] == "cancelled"


def test_seed_follow_prints_lines_as_they_come_and_ends_with_the_outcome(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 1.0})

    lines = onward.run("execution", "logs", execution, "--follow").splitlines()

    told = [line[line.index("part") :] for line in lines if "part" in line and "progress" not in line]
    assert told == ["part 1", "part 2", "part 3"]


def test_seed_watch_prints_each_change_and_its_exit_code_is_the_outcome(onward: Onward) -> None:
    execution = onward.submit("work", {"seconds": 0.6})

    told = onward.run("execution", "watch", execution, "-o", "ndjson", code=0)

    assert json.loads(told.splitlines()[-1])["status"] == "completed"
    onward.run("execution", "watch", onward.submit("broken"), code=1)


def test_seed_three_doors_have_a_command_for_everything(onward: Onward) -> None:
    asked = {"execution", "question", "worker", "task", "queue"}

    assert asked <= set(onward.run("--help").split())


def test_seed_task_and_execution_are_two_things(onward: Onward) -> None:
    task = onward.rest("GET", "/tasks/greet")
    first, second = onward.submit("greet"), onward.submit("greet")

    assert task["input_schema"], "what the order form asks for"
    assert first != second
    assert {onward.get(one)["task"] for one in (first, second)} == {"greet"}


def test_seed_survives_a_stop_of_everything(onward: Onward) -> None:
    """Everything is killed at once, servers too, as when the power fails; `up` goes on from there."""
    asking = onward.submit("deploy", {"version": "9"})
    onward.until(lambda: onward.get(asking), lambda now: now["reason"] == "waiting_for_input")

    onward.run("down")
    port = onward.variables["ONWARD_URL"].rpartition(":")[2]
    onward.run(
        "up", "--tasks", "tests.support.seed_tasks", "--port", port, "--detach", "-o", "json", within=120
    )
    onward.run("execution", "answer", asking, "yes")

    assert onward.ended(asking)["output"] == "9: yes"
