"""Large values at the door: kept beside the log, checked apart, whole again for who reads, and for nobody else."""

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract import values
from onward.contract.values import MOST
from onward.testing.faults import Faults
from onward_gateway import apart, submit

TEXT = "x" * 300_000
HUGE = "y" * 2_000_000
FORGED = {"$onward_object": "default.0190a0b0-0000-7000-8000-000000000001." + "ab" * 32, "bytes": 2}


async def submitted(house, given=TEXT, **more) -> str:
    reply = await house.call("POST", "/api/v1/executions", {"task": "noop", "input": given, **more})
    assert reply.status == 202, reply.body[:500]
    return reply.json["id"]


async def first_event(house, execution_id: str) -> ev.Submitted:
    log = await house.process.events.read("default", execution_id)
    return log.stored[0].event


@pytest.mark.parametrize("given", [TEXT, HUGE, [HUGE, {"a": [1, None, 2.5]}]])
async def test_a_large_input_is_small_in_its_event_and_whole_for_who_asks(house, given):
    execution_id = await submitted(house, given)

    event = await first_event(house, execution_id)
    assert len(ev.encode(event)) < 2_000
    assert list(house.bus.objects) == [values.referred(event.input).object]
    reply = await house.call("GET", f"/api/v1/executions/{execution_id}")
    assert (reply.status, reply.json["input"]) == (200, given)
    assert int(reply.headers["content-length"]) == len(reply.body)


async def test_who_watches_may_ask_for_references_and_for_each_value_alone(house):
    execution_id = await submitted(house)

    reply = await house.call("GET", f"/api/v1/executions/{execution_id}?large=reference")
    reference = reply.json["input"]
    assert reference["bytes"] == len(TEXT) + 2
    alone = await house.call(
        "GET", f"/api/v1/executions/{execution_id}/objects/{reference['$onward_object']}"
    )
    assert (alone.status, alone.json) == (200, TEXT)


async def test_nobody_reads_the_values_of_another_execution_or_project(house):
    name = values.referred((await first_event(house, await submitted(house))).input).object
    mine = await submitted(house, "small")

    owner = name.split(".")[1]
    for path, key in ((f"{mine}/objects/{name}", ""), (f"{owner}/objects/{name}", house.add_key("other"))):
        assert (await house.call("GET", f"/api/v1/executions/{path}", key=key)).status == 404


async def test_a_value_that_would_pass_for_a_reference_is_refused(house):
    spelled = b'{"task":"noop","input":{"\\u0024onward_object":"x"}}'
    large = {"task": "noop", "input": {**FORGED, "more": HUGE}}
    for body in ({"task": "noop", "input": FORGED}, spelled, large):
        reply = await house.call("POST", "/api/v1/executions", body)
        assert (reply.status, reply.code) == (422, "invalid_input")
        assert [error["pointer"] for error in reply.json["errors"]] == ["/input"]
    reply = await house.call(
        "POST", "/api/v1/executions/batch", {"items": [{"task": "noop", "input": FORGED}]}
    )
    assert [item["status"] for item in reply.json["items"]] == [422]
    assert (house.bus.events.last, house.bus.objects) == (0, {})


async def test_one_that_is_not_on_top_is_a_value_like_any_other(house):
    execution_id = await submitted(house, [FORGED])

    assert (await house.call("GET", f"/api/v1/executions/{execution_id}")).json["input"] == [FORGED]


@pytest.mark.parametrize(
    "given,status,code,pointer",
    [
        ({"a": HUGE}, 422, "invalid_input", "/input/a"),
        ({"b": HUGE + "\0"}, 400, "invalid_body", None),
    ],
)
async def test_a_large_input_is_held_to_all_that_a_small_one_is(house, given, status, code, pointer):
    reply = await house.call("POST", "/api/v1/executions", {"task": "typed", "input": given})

    assert (reply.status, reply.code) == (status, code)
    assert [error["pointer"] for error in reply.json["errors"]] == ([pointer] if pointer else [])
    assert (house.bus.events.last, house.bus.objects) == (0, {})


async def test_a_large_input_may_not_nest_deeper_than_a_small_one(house):
    deep = b"[" * 33 + b'"' + HUGE.encode() + b'"' + b"]" * 33

    reply = await house.call("POST", "/api/v1/executions", b'{"task":"noop","input":%b}' % deep)

    assert (reply.status, reply.code) == (400, "invalid_body")


async def test_a_key_tells_large_requests_apart_whatever_their_spelling(house):
    body = {"task": "noop", "input": {"a": 1, "b": HUGE}, "idempotency_key": "k"}
    first = await house.call("POST", "/api/v1/executions", body)
    spelled = msgspec.json.format(msgspec.json.encode(body | {"input": {"b": HUGE, "a": 1}}), indent=2)

    again = await house.call("POST", "/api/v1/executions", spelled)
    other = await house.call("POST", "/api/v1/executions", body | {"input": {"b": HUGE + "z"}})

    assert (first.status, again.status, again.json["id"]) == (202, 200, first.json["id"])
    assert (other.status, other.code) == (422, "idempotency_key_reused")


async def test_above_the_limit_the_refusal_names_the_input(house):
    size = str(submit.MAX_BODY + 1).encode()
    reply = await house.call("POST", "/api/v1/executions", headers=[(b"content-length", size)])

    assert (reply.status, reply.code) == (413, "too_large")
    assert [error["pointer"] for error in reply.json["errors"]] == ["/input"]


async def test_an_input_above_the_limit_in_a_body_below_it_is_named_too(house):
    text = b'{"task":"noop","input":"%b"}' % (b"x" * MOST)

    reply = await house.call("POST", "/api/v1/executions", text)

    assert (reply.status, reply.code) == (413, "too_large")
    assert [error["pointer"] for error in reply.json["errors"]] == ["/input"]
    assert f"{MOST + 2} bytes; the limit is {MOST}" in reply.json["detail"]


async def test_an_input_that_takes_too_much_memory_to_check_is_refused_and_costs_the_gateway_none(
    house, monkeypatch
):
    monkeypatch.setattr(apart, "_MEMORY", 400 * 1024**2)
    many = b'{"task":"noop","input":[%b[]]}' % (b"[]," * 5_000_000)

    reply = await house.call("POST", "/api/v1/executions", many)

    assert (reply.status, reply.code) == (413, "too_large")
    assert [error["pointer"] for error in reply.json["errors"]] == ["/input"]
    assert (await house.call("POST", "/api/v1/executions", {"task": "noop", "input": HUGE})).status == 202


async def test_only_a_few_large_bodies_are_read_at_once(house):
    with house.gateway.load.carrying(1), house.gateway.load.carrying(1):
        reply = await house.call("POST", "/api/v1/executions", {"task": "noop", "input": HUGE})
        small = await house.call("POST", "/api/v1/executions", {"task": "noop", "input": TEXT})

    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "overloaded", "2")
    assert small.status == 202


async def test_an_object_store_that_is_away_accepts_nothing_large(house):
    house.process.faults = Faults(unanswered=1.0)

    reply = await house.call("POST", "/api/v1/executions", {"task": "noop", "input": TEXT})

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert house.bus.events.last == 0


async def test_a_value_that_is_lost_is_told_as_lost(house):
    execution_id = await submitted(house)
    house.bus.objects.clear()

    reply = await house.call("GET", f"/api/v1/executions/{execution_id}")

    assert (reply.status, reply.code) == (500, "value_lost")


async def test_a_large_input_outlives_its_log(house):
    execution_id = await submitted(house)
    house.purge()

    assert (await house.call("GET", f"/api/v1/executions/{execution_id}")).json["input"] == TEXT
