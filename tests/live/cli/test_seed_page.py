"""The lines of the seed page, with `onward` for the product's name, against the whole platform."""

import json
import re
import subprocess
import time

import pytest

SLEEPS = '{"command": "echo started; sleep 60"}'


def submit(onward, task, given="{}", *options):
    submitted = onward("run", task, "-i", given, *options)
    assert submitted.code == 0, submitted.err
    return submitted.out.strip()


def until(look, seconds=40.0):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)
    return found


def listed(onward, *options):
    return [
        json.loads(line) for line in onward("execution", "list", "-o", "ndjson", *options).out.splitlines()
    ]


def state(onward, one):
    return json.loads(onward("execution", "get", one, "-o", "json").out)


def test_every_line_of_the_page_does_what_it_says(onward, begin):
    one = submit(onward, "shell", SLEEPS)
    until(lambda: state(onward, one)["status"] == "running")

    until(lambda: one in onward("execution", "list").out)
    running = until(
        lambda: [found["id"] for found in listed(onward, "--status", "running") if found["id"] == one]
    )
    assert running == [one]
    assert "shell" in onward("execution", "get", one).out
    assert until(lambda: onward("execution", "logs", one).out) == "started\n"
    following = begin("execution", "logs", one, "--follow", stdout=subprocess.PIPE)
    watching = begin("execution", "watch", one, stdout=subprocess.PIPE)
    assert following.stdout.readline() == "started\n"
    assert "running" in watching.stdout.readline()
    until(lambda: re.search(r"listening\t1/\d+", onward("worker", "list").out))

    cancelled = onward("execution", "cancel", one)

    assert cancelled.code == 0
    assert following.wait(15) == 3
    assert watching.wait(15) == 3
    assert "cancelled" in watching.stdout.read()


@pytest.mark.parametrize(
    "task, given, status, code",
    [("shell", {"command": "true"}, "completed", 0), ("shell", {"command": "exit 7"}, "failed", 1)],
)
def test_waiting_ends_with_the_outcome_as_exit_code(onward, task, given, status, code):
    waited = onward("run", task, "-i", json.dumps(given), "--wait", "-o", "json")

    assert waited.code == code, waited.err
    assert json.loads(waited.out)["status"] == status


def test_the_beginning_of_an_id_is_enough_at_once_and_two_that_fit_are_named(onward):
    one, other = (
        submit(onward, "shell", '{"command": "true"}'),
        submit(onward, "shell", '{"command": "true"}'),
    )

    assert state(onward, one[:-4])["id"] == one
    common = next(n for n in range(36) if one[n] != other[n])
    both = onward("execution", "get", one[:common])
    assert (both.code, "executions begin with" in both.err) == (2, True)


def test_a_question_is_answered_and_a_retry_does_not_repeat_the_finished_step(onward):
    one = submit(onward, "twice")
    until(lambda: state(onward, one)["reason"] == "waiting_for_input")

    refused = onward("execution", "answer", one, "maybe")
    assert (refused.code, "none of the choices" in refused.err) == (2, True)
    assert onward("execution", "answer", one, "no", "--wait").code == 1

    assert onward("execution", "retry", one, "--from-start").code == 0
    until(lambda: state(onward, one)["waiting_on"])
    answered = onward("execution", "answer", one, "yes", "--wait", "-o", "json")

    assert json.loads(answered.out)["output"] == ["first", "second"]
    told = onward("execution", "logs", one, "-o", "ndjson").out.splitlines()
    assert [line["text"] for line in map(json.loads, told) if line["stream"] == "stdout"] == [
        "step first runs", "step first runs", "step second runs",
    ]  # fmt: skip
    events = onward("execution", "events", one, "-o", "ndjson").out.splitlines()
    assert [json.loads(event)["n"] for event in events] == list(range(1, len(events) + 1))


def test_the_same_key_starts_one_execution(onward):
    first = submit(onward, "shell", '{"command": "true"}', "--key", "only-once")

    assert submit(onward, "shell", '{"command": "true"}', "--key", "only-once") == first
    other = onward("run", "shell", "-i", '{"command": "false"}', "--key", "only-once")
    assert (other.code, "[idempotency_key_reused]" in other.err) == (2, True)


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        (("run", "shel"), "unknown_task", "did you mean 'shell'"),
        (("run", "shell", "-i", '{"comand": "x"}'), "invalid_input", "command"),
        (
            ("run", "shell", "-i", '{"command": "x"}', "--queue", "defualt"),
            "unknown_queue",
            "did you mean 'default'",
        ),
        (("execution", "get", "018f0000-0000-7000-8000-000000000001"), "not_found", "there is no execution"),
        (("execution", "logs", "018f0000-0000-7000-8000-000000000001"), "not_found", ""),
        (("execution", "list", "--label", "a"), "usage", "name=value"),
    ],
)
def test_what_is_refused_says_why(onward, arguments, code, told):
    refused = onward(*arguments)

    assert refused.code == 2
    assert f"[{code}]" in refused.err
    assert told in refused.err


def test_filters_find_by_label_and_time(onward):
    one = submit(onward, "shell", '{"command": "true"}', "--label", "team=blue", "--label", "n=1")

    assert (
        until(lambda: listed(onward, "--label", "team=blue", "--label", "n=1", "--since", "1h"))[0]["id"]
        == one
    )
    assert listed(onward, "--label", "team=red") == []
    assert one not in [found["id"] for found in listed(onward, "--all", "--until", "1h")]


def test_the_doctor_finds_everything_well(onward):
    told = onward("doctor")

    assert told.code == 0, told.out
    assert all(line.startswith(("✓", " ")) for line in told.out.splitlines()), told.out
    for about in ("nats", "log_relay", "execution_state", "workers", "disk"):
        assert about in told.out


def test_another_worker_started_by_hand_is_listed_and_leaves_on_sigterm(onward, begin):
    here = begin("worker", "start", "--slots", "3", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: "\t0/3\t" in onward("worker", "list").out)

    here.terminate()

    assert here.wait(20) == 0
    until(lambda: not re.search(r"listening\t0/3", onward("worker", "list").out))


@pytest.mark.parametrize(
    "verb, told", [("verify", "the tables are what the log makes of them"), ("rebuild", "are rebuilt")]
)
def test_an_operator_verifies_and_rebuilds_what_is_derived(onward, verb, told):
    one = submit(onward, "shell", '{"command": "true"}')
    assert onward("execution", "watch", one).code == 0

    done = onward("admin", verb)

    assert (done.code, told in done.out + done.err) == (0, True), done.err
    assert until(lambda: [found["status"] for found in listed(onward) if found["id"] == one]) == ["completed"]
