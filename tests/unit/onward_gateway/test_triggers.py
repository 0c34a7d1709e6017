"""`then` of a submission: fixed when that is submitted, and refused there where it could not be done later."""

import pytest

from onward import Registry
from onward.contract.limit import LimitPolicy
from onward.contract.retry import RetryPolicy
from onward.contract.submission import TaskSpec
from onward.contract.triggers import DEEPEST

PATH = "/api/v1/executions"


async def _refused(house, then):
    reply = await house.call("POST", PATH, {"task": "noop", "then": then})
    assert reply.status in {400, 422}, reply.body
    return reply.json


async def test_what_follows_is_fixed_at_the_submission(house):
    house.config.put(
        "default", "task", "slow", TaskSpec(name="slow", retry=RetryPolicy(attempts=7), priority=3)
    )
    execution = await house.submit(
        then={
            "on_success": {
                "task": "typed",
                "queue": "fast",
                "labels": {"a": "b"},
                "then": {"on_any": {"task": "noop"}},
            },
            "on_failure": {"task": "slow", "delay": 60, "input": {"why": "{{error.message}}"}},
        }
    )

    state = (await house.process.events.read("default", execution["id"])).execution
    good, bad = state.then
    assert (good.on, good.task, good.queue, good.environment, good.priority) == (
        "success", "typed", "fast", "prod", 8,
    )  # fmt: skip
    assert [one.task for one in good.then] == ["noop"]
    assert (bad.on, bad.delay, bad.retry.attempts, bad.priority) == ("failure", 60, 7, 3)
    assert [(one["on"], one["status"], one["execution_id"]) for one in execution["then"]] == [
        ("success", "waiting", None), ("failure", "waiting", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "one,code,pointer",
    [
        ({"task": "nonesuch"}, "unknown_task", "/then/on_success/task"),
        ({"task": "noop", "queue": "nonesuch"}, "unknown_queue", "/then/on_success/queue"),
        ({"task": "noop", "priority": 10}, "invalid_body", "/then/on_success/priority"),
        ({"task": "noop", "input": "{{nothing.x}}"}, "invalid_body", "/then/on_success/input"),
        ({"task": "noop", "input": "{{output"}, "invalid_body", "/then/on_success/input"),
        ({"task": "noop", "input": {"$onward_object": "x"}}, "invalid_body", "/then/on_success/input"),
        ({"task": "typed", "input": {"a": "no number"}}, "invalid_input", "/then/on_success/input/a"),
        ({"task": "noop", "taks": 1}, "invalid_body", "/then/on_success/taks"),
        (
            {"task": "noop", "then": {"on_any": {"task": "nonesuch"}}},
            "unknown_task", "/then/on_success/then/on_any/task",
        ),
    ],
)  # fmt: skip
async def test_what_could_not_be_submitted_later_is_refused_now_by_its_place(house, one, code, pointer):
    problem = await _refused(house, {"on_success": one})

    assert problem["code"] == code
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_neither_a_long_chain_nor_a_large_one_is_taken(house):
    chain = {"task": "noop"}
    for _ in range(DEEPEST - 1):
        chain = {"task": "noop", "then": {"on_success": chain}}
    assert (await house.call("POST", PATH, {"task": "noop", "then": {"on_success": chain}})).status == 202

    deeper = await _refused(house, {"on_success": {"task": "noop", "then": {"on_success": chain}}})
    assert f"more than {DEEPEST} follow each other" in deeper["detail"]
    large = {"task": "noop", "input": "x" * 30_000}
    assert (
        "bytes"
        in (await _refused(house, {"on_success": large, "on_failure": large, "on_any": large}))["detail"]
    )


async def test_a_task_without_parameters_gets_no_input(house):
    registry = Registry()

    @registry.task
    async def tidy() -> None: ...

    house.config.put("default", "task", "tidy", tidy.spec)

    execution = await house.submit(then={"on_success": {"task": "tidy"}})

    (one,) = (await house.process.events.read("default", execution["id"])).execution.then
    assert bytes(one.input) == b"null"


async def test_the_same_key_with_another_follow_up_is_another_request(house):
    asked = {"task": "noop", "idempotency_key": "k", "then": {"on_any": {"task": "noop", "input": {"a": 1}}}}
    assert (await house.call("POST", PATH, asked)).status == 202
    assert (await house.call("POST", PATH, asked)).status == 200
    asked["then"]["on_any"]["input"] = {"a": 2}

    assert (await house.call("POST", PATH, asked)).code == "idempotency_key_reused"


async def test_a_rerun_is_followed_as_the_old_one_was(house):
    first = await house.submit(then={"on_success": {"task": "typed"}})

    again = await house.call("POST", f"{PATH}/{first['id']}/rerun", {})

    assert [one["task"] for one in again.json["then"]] == ["typed"]


async def test_what_follows_a_task_with_keys_of_its_input_is_limited_when_it_is_claimed(house):
    keyed = TaskSpec(name="keyed", limits=(LimitPolicy("customer:{id}", 1),))
    house.config.put("default", "task", "keyed", keyed)

    execution = await house.submit(then={"on_success": {"task": "keyed"}})

    assert [one["task"] for one in execution["then"]] == ["keyed"]
