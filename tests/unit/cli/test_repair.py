"""`onward execution retry | rerun`: what was mended, from where it goes on, and what a rerun keeps."""

import pytest

from onward.contract import events as ev
from tests.unit.cli.test_execution import columns
from tests.unit.client.fake_gateway import raw


def failed_with_steps(gateway, *names):
    one = gateway.submit()
    gateway.start(one)
    for name in names:
        gateway.happen(one, ev.CheckpointReached, attempt=1, kind="step", name=name, result=raw(name))
    gateway.fail(one)
    return one


def test_a_failed_execution_tells_the_step_that_it_failed_in(onward, gateway):
    one = gateway.submit()
    gateway.start(one)
    refused = ev.Failure(type="ConnectionError", message="card refused")
    gateway.happen(one, ev.StepFailed, attempt=1, scope="/pay", name="charge", tries=1, error=refused)
    gateway.fail(one)

    told = onward("execution", "get", one).out

    assert "failed in  step /pay/charge" in told
    assert "card refused" in onward("execution", "steps", one).out


def test_a_retry_from_a_step_with_an_edited_result(onward, gateway):
    one = failed_with_steps(gateway, "fetch", "charge")

    done = onward(
        "execution", "retry", one, "--from-step", "charge", "--set-step", 'fetch={"a": 1}', "-i", "[2]"
    )

    assert done.code == 0
    assert bytes(gateway.state(one).input) == b"[2]"
    steps = {row[0]: row[1:] for row in columns(onward("execution", "steps", one).out)[1:]}
    assert steps["charge"][0] == "✓ completed (forgotten)"
    assert steps["fetch"][0] == "✓ completed (edited)"
    assert '{"a": 1}' in steps["fetch"][-1]


@pytest.mark.parametrize(
    "text, place",
    [
        ("fetch=1", {"name": "fetch"}),
        ("pay/charge=1", {"name": "charge", "scope": "/pay"}),
        ("/pay/charge[a=b]=1", {"name": "charge", "scope": "/pay", "key": "a=b"}),
        ("fetch[#2]=1", {"name": "fetch", "key": "#2"}),
    ],
)
def test_a_step_is_written_as_it_is_shown(onward, gateway, text, place):
    one = failed_with_steps(gateway)

    assert onward("execution", "retry", one, "--set-step", text).code == 0

    assert gateway.sent("POST", "retry")[-1].body["steps"] == [{**place, "result": 1}]


@pytest.mark.parametrize(
    "wrong", [["--set-step", "fetch"], ["--set-step", "a=nope"], ["--from-start", "--from-step", "a"]]
)
def test_a_repair_that_makes_no_sense_is_not_even_asked_for(onward, gateway, wrong):
    one = failed_with_steps(gateway, "a")

    assert onward("execution", "retry", one, *wrong).code == 2
    assert gateway.sent("POST", "retry") == []


def test_an_unknown_step_is_refused_with_the_known_ones(onward, gateway):
    one = failed_with_steps(gateway, "fetch")

    refused = onward("execution", "retry", one, "--from-step", "fetched")

    assert refused.code == 2
    assert "saved are: fetch" in refused.err


def test_a_rerun_is_a_new_execution_that_names_the_old_one(onward, gateway):
    old = gateway.submit(labels={"a": "b"})

    done = onward("execution", "rerun", old, "-i", '{"n": 2}', "--priority", "9")

    new = gateway.state(done.out.strip())
    assert (new.retried_from, bytes(new.input), new.priority, new.labels) == (old, b'{"n":2}', 9, {"a": "b"})
    assert onward("execution", "list", "--retried-from", old[:20], "-o", "ndjson").out.count(new.id) >= 1
    assert f"rerun of   {old}" in onward("execution", "get", new.id).out
