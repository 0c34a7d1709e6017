"""A retry mends what it is told to mend, in one decision; a rerun is a new execution that names the old one."""

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.limit import LimitPolicy
from onward.contract.submission import TaskSpec
from tests.unit.onward_gateway.test_control import what_happened
from tests.unit.onward_gateway.test_executions import PATH, append, checkpoint, completed, failed, started


async def ended_badly(house, task="noop", **fields):
    execution = await house.submit(task, **fields)
    await append(house, execution["id"], started, checkpoint("a"), checkpoint("b"), failed)
    return execution["id"]


async def part(house, execution_id, name):
    return (await house.call("GET", f"{PATH}/{execution_id}/{name}")).json["items"]


async def saved(house, execution_id):
    points = await part(house, execution_id, "checkpoints")
    return {point["name"]: point["result"] for point in points if point["current"]}


async def test_a_retry_from_a_step_with_an_edited_result_is_one_decision(house):
    one = await ended_badly(house)
    body = {"from_step": {"name": "b"}, "steps": [{"name": "a", "result": {"mended": True}}]}

    reply = await house.call("POST", f"{PATH}/{one}/retry", body)

    assert (reply.status, reply.json["status"], reply.json["reason"]) == (202, "pending", "queued")
    assert (await what_happened(house, one))[-2:] == ["retry_requested", "step_edited"]
    assert await saved(house, one) == {"a": {"mended": True}}


async def test_everything_is_audited(house):
    one = await ended_badly(house)

    await house.call("POST", f"{PATH}/{one}/retry", {"steps": [{"name": "a", "result": 7}]})

    actors = [event["actor"] for event in (await part(house, one, "events"))[-2:]]
    assert actors[0].startswith("key:")
    edited = {step["name"]: step["edited_by"] for step in await part(house, one, "steps") if step["edited"]}
    assert edited == {"a": actors[0]}
    assert [attempt["life"] for attempt in await part(house, one, "attempts")] == [1]


async def test_a_purged_execution_is_repaired_too(house):
    one = await ended_badly(house)
    house.purge()
    body = {"from_step": {"name": "b"}, "steps": [{"name": "c", "result": "given"}]}

    assert (await house.call("POST", f"{PATH}/{one}/retry", body)).status == 202

    assert await what_happened(house, one) == ["carried", "retry_requested", "step_edited"]
    log = await house.process.events.read("default", one)
    assert sorted(name for _, name, _ in log.checkpoints()) == ["a", "c"]


async def test_a_held_execution_is_repaired_with_another_input(house):
    execution = await house.submit("typed", input={"a": 1})
    held = {"reason": "held", "error": ev.Failure(type="ValueError", message="no")}
    await append(house, execution["id"], started, lambda fields: ev.Failed(**fields, **held))

    reply = await house.call("POST", f"{PATH}/{execution['id']}/retry", {"input": {"a": 2}})

    assert (reply.status, reply.json["input"]) == (202, {"a": 2})


@pytest.mark.parametrize(
    "body, status, code",
    [
        ({"input": {"a": "one"}}, 422, "invalid_input"),
        ({"from_step": {"name": "z"}}, 422, "unknown_step"),
        ({"from_step": {"name": "a"}, "from_start": True}, 400, "invalid_body"),
        ({"steps": [{"name": "a"}]}, 400, "invalid_body"),
        ({"steps": [{"name": "", "result": 1}]}, 400, "invalid_body"),
        ({"steps": [{"name": "a", "result": {"$onward_object": "x", "bytes": 1}}]}, 422, "invalid_input"),
        ({"from_stp": {"name": "a"}}, 400, "invalid_body"),
    ],
)
async def test_a_repair_that_cannot_be_made_is_refused_and_changes_nothing(house, body, status, code):
    one = await ended_badly(house, "typed", input={"a": 1})
    before = house.stored()

    reply = await house.call("POST", f"{PATH}/{one}/retry", body)

    assert (reply.status, reply.code, house.stored()) == (status, code, before)


async def test_a_step_that_is_not_saved_is_refused_with_the_names_of_those_that_are(house):
    one = await ended_badly(house)

    reply = await house.call("POST", f"{PATH}/{one}/retry", {"from_step": {"name": "z"}})

    assert "saved are: a, b" in reply.json["detail"]


@pytest.mark.parametrize("end", [completed, failed])
async def test_a_rerun_is_a_new_execution_like_the_old_one(house, end):
    given = {
        "queue": "fast",
        "priority": 9,
        "labels": {"a": "b"},
        "retry": {"attempts": 7},
        "input": {"a": 1},
    }
    old = await house.submit("typed", **given, timeouts={"attempt": 60})
    await append(house, old["id"], started, end)

    reply = await house.call("POST", f"{PATH}/{old['id']}/rerun")

    new = reply.json
    assert (reply.status, new["status"], new["retried_from"]) == (202, "pending", old["id"])
    same = ("task", "queue", "environment", "priority", "labels", "max_attempts", "input")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    log = await house.process.events.read("default", new["id"])
    assert log.execution.timeouts.attempt == 60
    assert new["links"]["retried_from"] == f"{PATH}/{old['id']}"
    assert (await house.call("GET", f"{PATH}/{old['id']}")).json["links"]["reruns"] == (
        f"{PATH}?retried_from={old['id']}"
    )


async def limits_of(house, execution_id):
    log = await house.process.events.read("default", execution_id)
    return {limit.key: limit.max or limit.rate for limit in log.execution.limits}


async def test_a_rerun_has_the_limits_that_its_submission_had_and_no_debounce(house):
    own = [{"key": "customer:{a}", "max": 2}, {"key": "mails", "rate": 5, "per": 60, "full": "drop_newest"}]
    await house.call("PATCH", "/api/v1/queues/default", {"max_running": 3})
    old = await house.submit("typed", input={"a": 1}, limits=own, debounce={"key": "x", "wait": 1})
    assert "debounce:x" in await limits_of(house, old["id"])
    await house.call("PATCH", "/api/v1/queues/default", {"max_running": 4})

    new = (await house.call("POST", f"{PATH}/{old['id']}/rerun")).json
    other = (
        await house.call("POST", f"{PATH}/{old['id']}/rerun", {"limits": [{"key": "solo", "max": 1}]})
    ).json

    assert await limits_of(house, new["id"]) == {"customer:1": 2, "mails": 5, "queue:default": 4}
    assert await limits_of(house, other["id"]) == {"solo": 1, "queue:default": 4}


async def test_a_rerun_asks_its_task_anew_what_limits_it(house):
    limited = TaskSpec(name="limited", limits=(LimitPolicy("of:{a}", 2),))
    house.config.put("default", "task", "limited", limited)
    old = await house.submit("limited", input={"a": 1}, limits=[{"key": "own", "max": 1}])

    new = (await house.call("POST", f"{PATH}/{old['id']}/rerun", {"input": {"a": 2}})).json

    assert await limits_of(house, new["id"]) == {"own": 1, "of:2": 2}


async def test_a_rerun_changes_what_it_is_given(house):
    old = await house.submit("typed", input={"a": 1}, labels={"a": "b"})

    reply = await house.call(
        "POST", f"{PATH}/{old['id']}/rerun", {"input": {"a": 2}, "queue": "fast", "labels": {}}
    )

    assert (reply.json["input"], reply.json["queue"], reply.json["labels"]) == ({"a": 2}, "fast", {})
    assert (
        await house.call("POST", f"{PATH}/{old['id']}/rerun", {"input": {"a": "x"}})
    ).code == "invalid_input"


async def test_a_rerun_with_a_key_happens_once_and_the_key_is_not_another_execution_s(house):
    old, other = await house.submit(), await house.submit()
    key = [(b"idempotency-key", b"again")]

    first, second = [await house.call("POST", f"{PATH}/{old['id']}/rerun", headers=key) for _ in range(2)]
    foreign = await house.call("POST", f"{PATH}/{other['id']}/rerun", headers=key)

    assert (first.status, second.status, first.json["id"]) == (202, 200, second.json["id"])
    assert foreign.code == "idempotency_key_reused"


async def test_a_large_input_is_rerun_whole(house):
    large = {"texts": ["x" * 1000] * 400}
    old = await house.submit("typed", input=large)

    new = (await house.call("POST", f"{PATH}/{old['id']}/rerun")).json

    assert (await house.call("GET", f"{PATH}/{new['id']}")).json["input"] == large
    log = await house.process.events.read("default", new["id"])
    assert new["id"] in str(msgspec.json.decode(log.execution.input))


async def test_a_list_can_be_asked_for_the_reruns_of_one(house):
    old = await house.submit()

    await house.call("GET", f"{PATH}?retried_from={old['id']}")

    assert house.state.asked[-1]["retried_from"] == old["id"]
