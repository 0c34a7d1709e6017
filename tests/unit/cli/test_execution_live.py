import json
import re
import subprocess
import sys
import threading

import pytest
import yaml

from onward.contract import events as ev
from tests.unit.client.fake_gateway import raw
from tests.unit.client.fake_surroundings import worker

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202etxt\x07"


def test_the_log_is_printed_as_it_was_written(onward, gateway):
    one = gateway.submit()
    gateway.log(one, "first", "  indented\twith tab", "\x1b[31mred\x1b[0m")

    assert onward("execution", "logs", one).out == "first\n  indented\twith tab\n\x1b[31mred\x1b[0m\x1b[0m\n"


def test_a_part_of_the_log_can_be_asked_for(onward, gateway):
    one = gateway.submit()
    gateway.log(one, *"abcd")
    gateway.log(one, "bad", level="error")

    assert onward("execution", "logs", one, "--after", "3").out == "d\nbad\n"
    assert onward("execution", "logs", one, "--tail", "2").out == "d\nbad\n"
    assert onward("execution", "logs", one, "--level", "error").out == "bad\n"
    assert onward("execution", "logs", one, "--grep", "a").code == 0
    assert gateway.sent("GET", "/logs")[-1].query["grep"] == ["a"]


def test_log_lines_can_begin_with_their_time(onward, gateway):
    one = gateway.submit()
    gateway.log(one, "first")

    assert re.fullmatch(r"2026-01-01 \d\d:\d\d:00  first\n", onward("execution", "logs", one, "-t").out)


def test_log_lines_are_json_for_programs(onward, gateway):
    one = gateway.submit()
    gateway.log(one, "first", "second")

    assert [line["line"] for line in json.loads(onward("execution", "logs", one, "-o", "json").out)] == [1, 2]
    gateway.start(one)
    gateway.complete(one)
    followed = onward("execution", "logs", one, "-f", "-o", "yaml")
    assert [line["text"] for line in yaml.safe_load_all(followed.out)] == ["first", "second"]


def test_following_ends_with_the_execution_and_its_outcome_is_the_exit_code(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.log(one, "first")
    threading.Timer(0.2, lambda: (gateway.log(one, "second"), gateway.fail(one))).start()

    followed = onward("execution", "logs", one, "--follow")

    assert followed.out == "first\nsecond\n"
    assert followed.code == 1


def test_what_is_followed_into_a_pipe_comes_line_by_line(gateway, env):
    one = gateway.submit()
    gateway.start(one)
    following = subprocess.Popen(
        [sys.executable, "-m", "onward.cli", "execution", "logs", one, "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    gateway.log(one, "first")

    assert following.stdout.readline() == "first\n"
    gateway.complete(one)
    assert following.wait(10) == 0
    following.stdout.close()


def test_watching_prints_each_change_until_the_end(onward, gateway):
    gateway.workers = [worker()]
    one = gateway.submit()

    def act():
        gateway.until(lambda: gateway.sent("GET", one))
        gateway.start(one)
        gateway.until(lambda: len(gateway.sent("GET", one)) > 2)
        gateway.complete(one)

    acting = threading.Thread(target=act)
    acting.start()
    watched = onward("execution", "watch", one)
    acting.join()

    assert watched.code == 0
    assert [re.search(r"pending|running|completed", line)[0] for line in watched.out.splitlines()] == [
        "pending", "running", "completed",
    ]  # fmt: skip


def test_cancelling_several_tells_each_and_one_refusal_is_exit_code_2(onward, gateway):
    pending, done = gateway.submit(), gateway.submit()
    gateway.start(done)
    gateway.complete(done)

    cancelled = onward("execution", "cancel", pending, done, "--reason", "not needed")

    assert cancelled.code == 2
    assert f"{pending}  ⊘ cancelled" in cancelled.out
    assert "[already_ended]" in cancelled.err
    assert gateway.logs[pending][-1].because == "not needed"


def test_a_running_execution_is_asked_to_stop_and_wait_returns_when_it_has(onward, gateway):
    one = gateway.submit()
    gateway.start(one)

    asked = onward("execution", "cancel", one)
    threading.Timer(0.2, gateway.happen, (one, ev.Cancelled)).start()
    waited = onward("execution", "cancel", one, "--wait")

    assert "running (cancelling)" in asked.out
    assert (waited.code, "⊘ cancelled" in waited.out) == (0, True)


def test_a_retry_gives_another_life_and_can_be_waited_for(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.fail(one)

    def act():
        gateway.until(lambda: gateway.state(one).status == "pending")
        gateway.start(one)
        gateway.complete(one)

    acting = threading.Thread(target=act)
    acting.start()
    retried = onward("execution", "retry", one, "--from-start", "--wait")
    acting.join()

    assert retried.code == 0
    assert gateway.logs[one][3].fresh


@pytest.mark.parametrize(
    "typed, options, sent",
    [
        ("yes", [], "yes"), ("true", [], True), ("true", ["--text"], "true"), ('{"a": 1}', [], {"a": 1}),
        ("12", [], 12),
    ],
)  # fmt: skip
def test_an_answer_is_json_where_it_reads_as_json(onward, gateway, typed, options, sent):
    one = gateway.submit()
    gateway.start(one)
    gateway.ask(one, "Go on?")

    answered = onward("execution", "answer", one, typed, *options)

    assert answered.code == 0
    assert gateway.sent("POST", "/answer")[0].body == {"answer": sent}


def test_an_open_question_is_shown_with_its_choices(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    gateway.ask(one, "Go on?", choices=("yes", "no"))

    told = onward("execution", "get", one).out

    assert "waiting_for_input" in told
    assert "Go on?  (yes | no)" in told


def test_no_command_prints_what_a_terminal_obeys(onward, gateway):
    one = gateway.submit(labels={"a": HOSTILE})
    gateway.start(one)
    gateway.log(one, f"log {HOSTILE}")
    gateway.ask(one, f"ask {HOSTILE}")
    gateway.happen(one, ev.Answered, wait="q1", answer=raw("yes"), wake=True)
    gateway.start(one)
    gateway.fail(one, f"error {HOSTILE}")

    for command in (
        ["list"],
        ["get", one],
        ["logs", one],
        ["watch", one],
        ["events", one],
        ["attempts", one],
        ["logs", one, "-f"],
    ):
        for form in ("table", "json", "ndjson", "yaml"):
            printed = onward("execution", *command, "-o", form)
            left = re.sub(r"[\n\t]|\x1b\[0m", "", printed.out + printed.err)
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", left), (command, form)


def test_raw_prints_a_log_as_it_is(onward, gateway):
    one = gateway.submit()
    gateway.log(one, HOSTILE)

    assert onward("execution", "logs", one, "--raw").out == HOSTILE + "\n"
