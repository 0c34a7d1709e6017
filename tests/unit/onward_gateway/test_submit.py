"""A submission is on disk before it is accepted, and nothing bad ever is."""

import asyncio
from datetime import timedelta

import pytest

from onward.contract.errors import Unavailable
from onward.contract.submission import TaskSpec

PATH = "/api/v1/executions"


async def test_an_accepted_execution_is_in_the_log(house):
    reply = await house.call("POST", PATH, {"task": "noop", "input": {"x": 1}, "labels": {"team": "a"}})

    assert reply.status == 202
    log = await house.process.events.read("default", reply.json["id"])
    assert log.execution.task == "noop"
    assert log.execution.labels == {"team": "a"}
    assert bytes(log.execution.input) == b'{"x":1}'
    assert reply.headers["onward-position"] == str(log.sequence)
    assert reply.headers["location"] == f"{PATH}/{reply.json['id']}"


async def test_nothing_is_accepted_before_it_is_stored(house):
    house.process.cut()
    asking = asyncio.ensure_future(house.call("POST", PATH, {"task": "noop"}))
    await asyncio.sleep(0.01)
    assert not asking.done()

    house.process.heal()

    assert (await asking).status == 202


async def test_the_project_and_the_actor_come_from_the_key(house):
    key = house.add_key("other", name="ci")
    house.config.put("other", "task", "noop", TaskSpec(name="noop"))

    reply = await house.call("POST", PATH, {"task": "noop"}, key=key)

    assert (await house.process.events.read("other", reply.json["id"])).execution.submitted_by == "key:ci"
    assert (await house.call("GET", f"{PATH}/{reply.json['id']}")).status == 404


async def test_what_is_not_said_comes_from_the_task_and_the_queue(house):
    execution = await house.submit("typed", queue="fast")

    assert (execution["priority"], execution["queue"], execution["environment"]) == (8, "fast", "prod")


@pytest.mark.parametrize("task", ["shell", "http"])
async def test_shipped_tasks_are_known_before_any_worker_was_started(house, task):
    assert (await house.submit(task, input={"command": "true"}))["task"] == task


async def test_nobody_listening_is_a_warning_and_no_refusal(house):
    reply = await house.call("POST", PATH, {"task": "noop"})
    assert (reply.headers["onward-warning"], reply.json["warnings"]) == ("no_worker", ["no_worker"])

    await house.hear_worker()
    assert (await house.submit())["warnings"] == []

    house.seconds += 11
    assert (await house.submit())["warnings"] == ["no_worker"]


async def test_a_worker_of_another_task_queue_or_project_does_not_count(house):
    await house.hear_worker(task="typed")
    await house.hear_worker(queue="fast")
    await house.hear_worker(project="other")
    await house.hear_worker(draining=True)

    assert (await house.submit())["warnings"] == ["no_worker"]


async def test_a_delayed_execution_waits_for_its_time(house):
    execution = await house.submit(delay=60)

    assert (execution["reason"], execution["due_at"][:16]) == (
        "delayed",
        (house.now + timedelta(minutes=1)).isoformat()[:16],
    )
    assert (await house.submit(delay=0))["reason"] == "queued"
    assert (await house.submit(run_at="2020-01-01T00:00:00+02:00"))["reason"] == "queued"


async def test_a_child_belongs_to_the_root_of_its_parent(house):
    root = await house.submit()
    child = await house.submit(parent_id=root["id"])
    grandchild = await house.submit(parent_id=child["id"])

    assert (child["root_id"], grandchild["root_id"], grandchild["parent_id"]) == (
        root["id"],
        root["id"],
        child["id"],
    )


LONG = "x" * 300
BAD = [
    ({}, 400, "invalid_body", ""),
    ({"task": 1}, 400, "invalid_body", "/task"),
    ({"task": "noop", "inptu": {}}, 400, "invalid_body", "/inptu"),
    ({"task": "noop", "project": "other"}, 400, "invalid_body", "/project"),
    ({"task": "noop", "status": "completed"}, 400, "invalid_body", "/status"),
    ({"task": "nope"}, 422, "unknown_task", "/task"),
    ({"task": "a.b"}, 400, "invalid_name", None),
    ({"task": "*"}, 400, "invalid_name", None),
    ({"task": ">"}, 400, "invalid_name", None),
    ({"task": "a b"}, 400, "invalid_name", None),
    ({"task": "a\r\nPUB x 1\r\n"}, 400, "invalid_name", None),
    ({"task": ""}, 400, "invalid_name", None),
    ({"task": "x" * 5000}, 400, "invalid_name", None),
    ({"task": "Noop"}, 400, "invalid_name", None),
    ({"task": "nöop"}, 400, "invalid_name", None),
    ({"task": "noop", "queue": "nope"}, 422, "unknown_queue", "/queue"),
    ({"task": "noop", "queue": ""}, 400, "invalid_name", None),
    ({"task": "noop", "environment": ""}, 400, "invalid_name", None),
    ({"task": "noop", "queue": "a.*"}, 400, "invalid_name", None),
    ({"task": "noop", "queue": "a\n"}, 400, "invalid_name", None),
    ({"task": "noop", "environment": "$SYS"}, 400, "invalid_name", None),
    ({"task": "noop", "priority": 0}, 400, "invalid_body", "/priority"),
    ({"task": "noop", "priority": 10}, 400, "invalid_body", "/priority"),
    ({"task": "noop", "priority": 5.5}, 400, "invalid_body", "/priority"),
    ({"task": "noop", "delay": -1}, 400, "invalid_body", "/delay"),
    ({"task": "noop", "delay": 4e7}, 400, "invalid_body", "/delay"),
    ({"task": "noop", "run_at": "2030-01-01T00:00:00"}, 400, "invalid_body", "/run_at"),
    ({"task": "noop", "run_at": "9999-01-01T00:00:00Z"}, 400, "invalid_body", "/run_at"),
    ({"task": "noop", "run_at": "2027-01-01T00:00:00Z", "delay": 5}, 400, "invalid_body", "/delay"),
    ({"task": "noop", "labels": {str(i): "" for i in range(33)}}, 400, "invalid_body", "/labels"),
    ({"task": "noop", "labels": {LONG: ""}}, 400, "invalid_body", "/labels"),
    ({"task": "noop", "labels": {"a": LONG}}, 400, "invalid_body", "/labels"),
    ({"task": "noop", "labels": {"": "a"}}, 400, "invalid_body", "/labels"),
    ({"task": "noop", "labels": {"a": 1}}, 400, "invalid_body", "/labels/*"),
    ({"task": "noop", "retry": {"attempts": 0}}, 400, "invalid_body", "/retry"),
    ({"task": "noop", "retry": {"atempts": 1}}, 400, "invalid_body", "/retry/atempts"),
    ({"task": "noop", "timeouts": {"attempt": -1}}, 400, "invalid_body", "/timeouts"),
    ({"task": "noop", "parent_id": "not-an-id"}, 400, "invalid_body", "/parent_id"),
    ({"task": "noop", "parent_id": "00000000-0000-0000-0000-000000000000"}, 400, "invalid_body", "/parent_id"),
    ({"task": "noop", "task_id": ""}, 400, "invalid_body", "/task_id"),
    ({"task": "noop", "idempotency_key": ""}, 400, "invalid_body", "/idempotency_key"),
    ({"task": "noop", "idempotency_key": LONG}, 400, "invalid_body", "/idempotency_key"),
    ({"task": "noop", "idempotency_key": "a\nb"}, 400, "invalid_body", "/idempotency_key"),
    ({"task": "noop", "input": "a\0b"}, 400, "invalid_body", None),
    ({"task": "noop", "labels": {"a": "\0"}}, 400, "invalid_body", None),
    ({"task": "typed", "input": {"a": "x"}}, 422, "invalid_input", "/input/a"),
    ({"task": "typed", "input": {"texts": ["a", 1]}}, 422, "invalid_input", "/input/texts/1"),
    ({"task": "typed", "input": {"b": 1}}, 422, "invalid_input", "/input"),
    ({"task": "typed", "input": [1]}, 422, "invalid_input", "/input"),
    (b"", 400, "invalid_body", None),
    (b"{", 400, "invalid_body", None),
    (b"nonsense", 400, "invalid_body", None),
    (b'{"task":"noop"', 400, "invalid_body", None),
    (b'{"task":"noop","input":1e999}', 400, "invalid_body", "/input"),
    (b'{"task":"noop","input":NaN}', 400, "invalid_body", None),
    (b'{"task":"noop","input":"\\ud800"}', 400, "invalid_body", None),
    (b'{"task":"noop","input":"\xff"}', 400, "invalid_body", None),
    (b'{"task":"noop","input":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "invalid_body", None),
    (b'{"task":"noop","input":' + b"[" * 33 + b"]" * 33 + b"}", 400, "invalid_body", None),
]  # fmt: skip


@pytest.mark.parametrize(
    "body, status, code, pointer", BAD, ids=[f"{i}-{case[2]}" for i, case in enumerate(BAD)]
)
async def test_a_bad_submission_is_refused_by_name_and_leaves_nothing_behind(
    house, body, status, code, pointer
):
    reply = await house.call("POST", PATH, body)

    assert (reply.status, reply.code) == (status, code), reply.body
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["detail"]
    assert reply.json["trace_id"]
    assert len(reply.body) < 2000
    if pointer:
        assert reply.json["errors"][0]["pointer"] == pointer
    assert house.stored() == 0


async def test_an_unknown_name_comes_with_the_one_that_was_meant(house):
    assert "'noop'" in (await house.call("POST", PATH, {"task": "nop"})).json["hint"]
    assert "'fast'" in (await house.call("POST", PATH, {"task": "noop", "queue": "fas"})).json["hint"]


async def test_no_input_is_held_to_the_schema_as_an_empty_object(house):
    assert (await house.submit("typed"))["input"] is None
    strict = TaskSpec(name="strict", input_schema=b'{"type":"object","required":["a"]}')
    house.config.put(
        "default", "task", "strict", {"name": "strict", "input_schema": {"type": "object", "required": ["a"]}}
    )

    assert strict.name == "strict"
    assert (await house.call("POST", PATH, {"task": "strict"})).code == "invalid_input"


async def test_a_schema_that_changes_is_held_to_at_once(house):
    await house.submit("typed", input={"a": 1})

    house.config.put("default", "task", "typed", {"name": "typed", "input_schema": {"type": "string"}})

    assert (await house.call("POST", PATH, {"task": "typed", "input": {"a": 1}})).code == "invalid_input"


async def test_a_schema_that_is_none_keeps_nobody_out(house):
    for schema in ({"type": "strin"}, {"$ref": "http://127.0.0.1:9/x"}, {"pattern": "("}):
        house.config.put("default", "task", "odd", {"name": "odd", "input_schema": schema})

        assert (await house.submit("odd", input={"a": 1}))["task"] == "odd"


async def test_a_pattern_of_a_schema_cannot_make_the_gateway_think_for_long(house):
    house.config.put(
        "default", "task", "slow", {"name": "slow", "input_schema": {"pattern": "^(a|a)*(?=b)$"}}
    )

    async with asyncio.timeout(3):
        reply = await house.call("POST", PATH, {"task": "slow", "input": "a" * 2000 + "c"})

    assert reply.status in {202, 422}


@pytest.mark.parametrize("query", ["?large=whole", "?x", "?task=noop"])
async def test_a_submission_takes_no_parameter_but_wait(house, query):
    assert (await house.call("POST", PATH + query, {"task": "noop"})).code == "invalid_parameter"


async def test_a_full_store_takes_nothing_new(house):
    house.used = (85, 100)
    await house.gateway.store.look(house.now)

    reply = await house.call("POST", PATH, {"task": "noop"})

    assert (reply.status, reply.code) == (503, "store_full")
    assert int(reply.headers["retry-after"]) >= 1
    assert house.stored() == 0


async def test_a_store_without_a_limit_is_never_full(house):
    house.used = (10**12, -1)
    await house.gateway.store.look(house.now)

    assert (await house.call("POST", PATH, {"task": "noop"})).status == 202


async def test_an_unknown_outcome_is_no_acceptance(house, monkeypatch):
    async def append(_decision):
        raise Unavailable("NATS did not answer in time", retry_after=1)

    monkeypatch.setattr(house.gateway.events, "append", append)

    reply = await house.call("POST", PATH, {"task": "noop"})

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


async def test_the_trace_of_the_caller_goes_on(house):
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    reply = await house.call("POST", PATH, {"task": "noop"}, headers=[(b"traceparent", parent)])

    assert reply.json["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("given", [b"nonsense", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01", b"\xff"])
async def test_a_trace_that_is_none_is_replaced(house, given):
    reply = await house.call("POST", PATH, {"task": "noop"}, headers=[(b"traceparent", given)])

    assert len(reply.json["trace_id"]) == 32
