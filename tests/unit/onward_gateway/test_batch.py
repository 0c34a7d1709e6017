"""A batch gives each submission a result of its own."""

import asyncio

import pytest

from onward.contract.errors import Unavailable

PATH = "/api/v1/executions/batch"


async def test_all_of_a_batch_is_accepted_in_order(house):
    reply = await house.call("POST", PATH, {"items": [{"task": "noop", "input": i} for i in range(250)]})

    assert reply.status == 202
    assert [item["execution"]["input"] for item in reply.json["items"]] == list(range(250))
    assert house.stored() == 250


async def test_one_bad_submission_does_not_spoil_the_others(house):
    items = [
        {"task": "noop"},
        {"task": "nope"},
        {"task": "noop", "extra": 1},
        {"task": "typed", "input": {"a": "x"}},
        7,
    ]

    reply = await house.call("POST", PATH, {"items": items})

    assert reply.status == 207
    assert [item["status"] for item in reply.json["items"]] == [202, 422, 400, 422, 400]
    assert [item["error"] and item["error"]["code"] for item in reply.json["items"]] == [
        None, "unknown_task", "invalid_body", "invalid_input", "invalid_body",
    ]  # fmt: skip
    assert house.stored() == 1


async def test_a_key_within_a_batch_is_one_execution(house):
    items = [{"task": "noop", "idempotency_key": "k"}] * 5 + [{"task": "typed", "idempotency_key": "k"}]

    reply = await house.call("POST", PATH, {"items": items})

    assert len({item["execution"]["id"] for item in reply.json["items"][:5]}) == 1
    assert reply.json["items"][5]["error"]["code"] == "idempotency_key_reused"
    assert house.stored() == 1


@pytest.mark.parametrize(
    "body, status",
    [
        ({}, 400),
        ([], 400),
        ({"items": []}, 400),
        ({"items": [{"task": "noop"}] * 1001}, 400),
        ({"items": {"task": "noop"}}, 400),
        ({"items": [], "extra": 1}, 400),
        (b'{"items":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400),
        (b'{"items":["' + b"x" * (8 * 1024 * 1024) + b'"]}', 413),
    ],
)
async def test_a_batch_that_is_none_is_refused_whole(house, body, status):
    assert (await house.call("POST", PATH, body)).status == status
    assert house.stored() == 0


async def test_a_batch_may_be_larger_than_a_single_submission(house):
    items = [{"task": "noop", "input": "x" * 200_000}] * 20

    assert (await house.call("POST", PATH, {"items": items})).status == 202


async def test_depth_is_counted_within_each_submission(house):
    deep = b"[" * 33 + b"]" * 33
    flat = b"[" * 32 + b"]" * 32

    reply = await house.call(
        "POST", PATH, b'{"items":[{"task":"noop","input":%s},{"task":"noop","input":%s}]}' % (deep, flat)
    )

    assert [item["status"] for item in reply.json["items"]] == [400, 202]


async def test_a_batch_of_which_nothing_can_be_stored_is_refused_for_now(house):
    async def append(_decision):
        raise Unavailable("no connection")

    house.gateway.events.append = append

    reply = await house.call("POST", PATH, {"items": [{"task": "noop"}] * 3})

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


async def test_a_full_store_takes_no_batch(house):
    house.used = (90, 100)
    await house.gateway.store.look(house.now)

    assert (await house.call("POST", PATH, {"items": [{"task": "noop"}]})).code == "store_full"


async def test_a_batch_lets_others_in_between(house):
    batch = asyncio.ensure_future(house.call("POST", PATH, {"items": [{"task": "noop"}] * 1000}))
    await asyncio.sleep(0)

    single = await house.call("POST", "/api/v1/executions", {"task": "noop"})

    assert single.status == 202
    assert not batch.done()
    assert (await batch).status == 202
