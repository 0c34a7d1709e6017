import json
import sys

import pytest

from onward.cli import worker as worker_commands
from tests.unit.client.fake_surroundings import worker


def test_workers_are_listed_with_what_they_do(onward, gateway):
    gateway.workers = [worker(worker_id="a", busy=3), worker(worker_id="b", status="gone")]

    rows = [line.split("\t") for line in onward("worker", "list").out.splitlines()[1:]]

    assert [row[:3] for row in rows] == [["a", "listening", "3/20"], ["b", "gone", "0/20"]]


def test_no_worker_is_said_with_what_it_means(onward):
    assert "executions wait until one is" in onward("worker", "list").err


def test_queues_are_listed_with_what_waits_and_without_numbers_while_nobody_knows_them(onward, gateway):
    gateway.waiting = 7
    known = onward("queue", "list").out.splitlines()[1].split("\t")
    gateway.waiting = None
    unknown = onward("queue", "list").out.splitlines()[1].split("\t")

    assert known == ["default", "-", "7", "-", "7", "0", "0", "-", "open"]
    assert unknown[2:5] == ["-", "-", "-"]


def test_tasks_are_listed_and_one_is_shown_with_its_input(onward):
    assert [line.split("\t")[0] for line in onward("task", "list").out.splitlines()] == [
        "TASK",
        "report",
        "shell",
    ]
    told = onward("task", "show", "report").out
    assert "path: string  (required)" in told
    assert "depth: integer = 3" in told
    assert (
        json.loads(onward("task", "show", "report", "-o", "json").out)["input_schema"]["$ref"]
        == "#/$defs/report"
    )


def test_an_unknown_task_is_answered_with_the_nearest(onward):
    refused = onward("task", "show", "reprot")

    assert refused.code == 2
    assert "did you mean report?" in refused.err


class Replaced(Exception):
    """Stands for the process that would run now."""


@pytest.fixture
def replaced(monkeypatch):
    # Replacing this process would end the tests; what it would become is the promise.
    def execve(program, arguments, env):
        raise Replaced(program, arguments, env)

    monkeypatch.setattr(worker_commands.os, "execve", execve)


def test_a_worker_started_here_becomes_the_worker_service_with_its_settings(env, replaced, monkeypatch):
    import click

    from onward.cli.root import root
    from onward.cli.session import standard

    monkeypatch.setenv("ONWARD_NATS_URL", "nats://there")
    monkeypatch.setenv("ONWARD_WORKER_START_SLOTS", "5")
    command = ["worker", "start", "a.tasks", "b.tasks", "--queue", "q1", "--queue", "q2"]
    with pytest.raises(Replaced) as became:
        root.main(command, "onward", standalone_mode=False, obj=standard(lambda: None))

    program, arguments, settings = became.value.args
    assert (program, arguments[1:]) == (sys.executable, ["-m", "onward_worker"])
    assert {name: settings[name] for name in ("ONWARD_NATS_URL", "ONWARD_TASKS", "ONWARD_QUEUES", "ONWARD_SLOTS")} == {
        "ONWARD_NATS_URL": "nats://there", "ONWARD_TASKS": "a.tasks,b.tasks", "ONWARD_QUEUES": "q1,q2",
        "ONWARD_SLOTS": "5",
    }  # fmt: skip
    assert "ONWARD_WORKER_START_SLOTS" not in settings
    assert click.__name__


def test_a_worker_without_an_address_says_where_one_could_come_from(onward, tmp_path):
    refused = onward("worker", "start")

    assert refused.code == 2
    assert "[not_running]" in refused.err
    assert "ONWARD_NATS_URL" in refused.err


@pytest.mark.parametrize("verb", ["rebuild", "verify"])
def test_admin_becomes_the_owner_of_postgres(env, replaced, monkeypatch, verb):
    from onward.cli.root import root
    from onward.cli.session import standard

    monkeypatch.setenv("ONWARD_NATS_URL", "nats://there")
    monkeypatch.setenv("ONWARD_DATABASE_URL", "postgresql://there")
    with pytest.raises(Replaced) as became:
        root.main(["admin", verb], "onward", standalone_mode=False, obj=standard(lambda: None))

    assert became.value.args[1][1:] == ["-m", "onward_execution_state", verb]


def test_reset_asks_before_it_deletes_and_where_nobody_can_be_asked_it_refuses(onward, tmp_path):
    refused = onward("reset", "--data-dir", str(tmp_path / "data"), stdin="")

    assert refused.code == 2
    assert "--yes" in refused.err


def test_down_where_nothing_runs_says_so(onward, tmp_path):
    refused = onward("down", "--data-dir", str(tmp_path / "data"))

    assert refused.code == 2
    assert "[not_running]" in refused.err
