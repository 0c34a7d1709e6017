import json
import threading

import pytest
import yaml

from onward.contract import events as ev
from onward.contract.triggers import branches
from tests.unit.client.fake_gateway import raw


def when_submitted(gateway, act):
    """Does something with the execution that a command is about to submit."""

    def wait():
        with gateway.changed:
            gateway.changed.wait_for(lambda: gateway.logs, timeout=10)
        act(next(iter(gateway.logs)))

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def run_to(gateway, status, output=None):
    def act(one):
        gateway.start(one)
        gateway.log(one, "working")
        if status == "completed":
            gateway.complete(one, output)
        else:
            gateway.fail(one, "no such file")

    return act


def test_a_submission_prints_only_its_id_so_that_a_script_can_keep_it(onward, gateway):
    submitted = onward("run", "report", "-i", '{"path": "/"}')

    assert submitted.code == 0
    assert submitted.out.strip() in gateway.logs
    assert "pending" in submitted.err


def test_all_that_can_be_asked_for_is_sent(onward, gateway):
    onward(
        "run", "report", "-i", "{}", "--queue", "q", "--environment", "e", "--priority", "9", "--delay", "1m",
        "--label", "a=b", "--label", "c=d=e", "--key", "k", "--retries", "4", "--timeout", "90s",
    )  # fmt: skip

    assert gateway.sent("POST")[0].body == {
        "task": "report", "input": {}, "queue": "q", "environment": "e", "priority": 9, "delay": 60.0,
        "labels": {"a": "b", "c": "d=e"}, "idempotency_key": "k", "retry": {"attempts": 5},
        "timeouts": {"attempt": 90.0},
    }  # fmt: skip


def test_what_follows_is_asked_for_by_name_or_with_all_there_is_to_say(onward, gateway):
    onward(
        "run", "report", "--then", '{"task": "b", "input": {"path": "{{output.path}}"}}', "--then", "c",
        "--on-failure", "d", "--on-any", "e",
    )  # fmt: skip

    assert gateway.sent("POST")[0].body["then"] == {
        "on_success": {
            "task": "b", "input": {"path": "{{output.path}}"}, "then": {"on_success": {"task": "c"}},
        },
        "on_failure": {"task": "d"}, "on_any": {"task": "e"},
    }  # fmt: skip
    assert onward("run", "report", "--then", "{nonsense").code == 2


def test_get_tells_what_follows_and_what_was_skipped(onward, gateway):
    trigger = [ev.Trigger(on=on, task=f"{on}-task", queue="default") for on in ("success", "failure")]
    one = gateway.submit(then=tuple(trigger))
    gateway.start(one)
    state = gateway.state(one)
    gateway.happen(one, ev.Completed, then=branches(state, "completed"))

    told = onward("execution", "get", one).out

    assert f"success → success-task  {branches(state, 'completed')[0].execution_id}" in told
    assert "failure → failure-task  skipped" in told


def test_input_comes_from_a_file_or_from_standard_input(onward, gateway, tmp_path):
    (tmp_path / "input.json").write_text('{"from": "file"}')

    onward("run", "report", "-i", f"@{tmp_path}/input.json")
    onward("run", "report", "-i", "-", stdin='{"from": "stdin"}')

    assert [one.body["input"]["from"] for one in gateway.sent("POST")] == ["file", "stdin"]


@pytest.mark.parametrize("given", ["{'a': 1}", "", "{", "@/nowhere.json", "[" * 100_000])
def test_input_that_is_no_json_is_refused_before_anything_is_sent(onward, gateway, given):
    refused = onward("run", "report", "-i", given)

    assert refused.code == 2
    assert "[invalid_json]" in refused.err
    assert not gateway.sent("POST")


def test_waiting_prints_the_output_and_its_exit_code_is_the_outcome(onward, gateway):
    acting = when_submitted(gateway, run_to(gateway, "completed", {"rows": 3}))

    waited = onward("run", "report", "--wait")
    acting.join()

    assert waited.code == 0
    assert "✓ completed" in waited.out
    assert '{"rows": 3}' in waited.out


def test_a_failure_is_exit_code_1_and_its_cause_is_printed(onward, gateway):
    acting = when_submitted(gateway, run_to(gateway, "failed"))

    waited = onward("run", "report", "--wait")
    acting.join()

    assert waited.code == 1
    assert "ValueError: no such file" in waited.out


def test_a_cancelled_execution_is_exit_code_3(onward, gateway):
    acting = when_submitted(gateway, lambda one: gateway.happen(one, ev.Cancelled))

    assert onward("run", "report", "--wait").code == 3
    acting.join()


@pytest.mark.parametrize(
    "form, read", [("json", json.loads), ("ndjson", json.loads), ("yaml", yaml.safe_load)]
)
def test_waiting_prints_the_whole_execution_to_programs(onward, gateway, form, read):
    acting = when_submitted(gateway, run_to(gateway, "completed", {"rows": 3}))

    waited = onward("run", "report", "--wait", "-o", form)
    acting.join()

    execution = read(waited.out)
    assert (execution["status"], execution["output"]) == ("completed", {"rows": 3})
    assert execution["id"] in gateway.logs


def test_following_prints_the_log_and_then_what_became_of_it(onward, gateway):
    acting = when_submitted(gateway, run_to(gateway, "failed"))

    followed = onward("run", "report", "--follow")
    acting.join()

    assert followed.code == 1
    assert followed.out == "working\n"
    assert "✕ failed" in followed.err


def test_following_as_ndjson_ends_with_the_execution(onward, gateway):
    acting = when_submitted(gateway, run_to(gateway, "completed"))

    followed = [
        json.loads(line) for line in onward("run", "report", "--follow", "-o", "ndjson").out.splitlines()
    ]
    acting.join()

    assert [one.get("text") for one in followed] == ["working", None]
    assert followed[-1]["status"] == "completed"


def test_a_refused_submission_says_why_and_what_to_do(onward):
    refused = onward("run", "reprot")

    assert refused.code == 2
    assert "error: no worker ever announced a task 'reprot' [unknown_task]" in refused.err
    assert "fix: did you mean 'report'?" in refused.err


def test_nobody_listening_is_a_warning_and_no_failure(onward, gateway):
    submitted = onward("run", "report")

    assert submitted.code == 0
    assert "warning: no worker takes this task" in submitted.err


@pytest.mark.parametrize(
    "option, value, told",
    [
        ("--label", "novalue", "write name=value"),
        ("--delay", "soon", "write 30s"),
        ("--priority", "10", "1<=x<=9"),
        ("--retries", "-1", "0<=x<=999"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_an_example(onward, gateway, option, value, told):
    refused = onward("run", "report", option, value)

    assert refused.code == 2
    assert told in refused.err
    assert not gateway.sent("POST")


def test_ctrl_c_while_following_leaves_says_how_to_go_on_and_cancels_nothing(terminal, gateway):
    acting = when_submitted(gateway, lambda one: (gateway.start(one), gateway.log(one, "first", "second")))
    following = terminal("run", "report", "--follow").until("second").interrupt()
    acting.join()

    left = following.finish()

    (one,) = gateway.logs
    assert left.code == 130
    assert f"onward execution logs {one} --follow --after 2" in left.out
    assert f"onward execution cancel {one}" in left.out
    assert gateway.state(one).status == "running"


def test_ctrl_c_while_waiting_leaves_too(terminal, gateway):
    waiting = terminal("run", "report", "--wait").until("pending").interrupt()

    left = waiting.finish()

    assert left.code == 130
    assert "onward execution watch" in left.out
    assert not gateway.sent("POST", "cancel")


def test_a_person_who_waits_sees_what_goes_on(terminal, gateway):
    acting = when_submitted(gateway, lambda one: (gateway.start(one), gateway.ask(one, "Deploy?")))
    waiting = terminal("run", "report", "--wait").until("asks: Deploy?").until("execution answer")
    acting.join()
    (one,) = gateway.logs
    gateway.happen(one, ev.Answered, wait="q1", answer=raw("yes"), wake=True)
    gateway.start(one)
    gateway.complete(one, "done")

    waited = waiting.finish()

    assert waited.code == 0
    assert '"done"' in waited.out
