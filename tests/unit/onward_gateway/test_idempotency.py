"""The same key is the same execution, however often and however late it is asked for (PROTOCOL T3)."""

import asyncio

import pytest

from onward.contract.errors import FenceLost

PATH = "/api/v1/executions"
KEY = (b"idempotency-key", b"order-17")
BODY = {"task": "noop", "input": {"a": 1, "b": [1, 2]}}


async def test_twenty_at_once_make_one_execution(house):
    replies = await asyncio.gather(*(house.call("POST", PATH, BODY, headers=[KEY]) for _ in range(20)))

    assert sorted(reply.status for reply in replies) == [200] * 19 + [202]
    assert len({reply.json["id"] for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert house.stored() == 1


async def test_the_key_may_stand_in_the_header_or_in_the_body(house):
    first = await house.call("POST", PATH, BODY, headers=[KEY])
    second = await house.call("POST", PATH, {**BODY, "idempotency_key": "order-17"})

    assert (second.json["id"], second.headers["idempotent-replayed"]) == (first.json["id"], "true")


async def test_two_keys_in_one_request_are_a_mistake(house):
    reply = await house.call("POST", PATH, {**BODY, "idempotency_key": "other"}, headers=[KEY])

    assert (reply.status, reply.json["errors"][0]["pointer"]) == (400, "/idempotency_key")


async def test_the_same_request_in_another_spelling_is_the_same(house):
    first = await house.call("POST", PATH, BODY, headers=[KEY])
    text = b'{ "input": {"b":[1,2], "a":1 }, "task": "noop" }'

    assert (await house.call("POST", PATH, text, headers=[KEY])).json["id"] == first.json["id"]


@pytest.mark.parametrize(
    "other", [{"input": {"a": 2}}, {"task": "typed", "input": {}}, {"priority": 9}, {"labels": {"x": ""}}]
)
async def test_another_request_under_the_same_key_is_refused(house, other):
    await house.call("POST", PATH, BODY, headers=[KEY])

    reply = await house.call("POST", PATH, {**BODY, **other}, headers=[KEY])

    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert house.stored() == 1


async def test_another_project_has_keys_of_its_own(house):
    other = house.add_key("other")
    house.config.put("other", "task", "noop", {"name": "noop"})

    first = await house.call("POST", PATH, BODY, headers=[KEY])
    second = await house.call("POST", PATH, BODY, headers=[KEY], key=other)

    assert first.json["id"] != second.json["id"]


async def test_a_replay_shows_the_execution_as_it_is_now(house):
    first = await house.call("POST", PATH, BODY, headers=[KEY])
    await house.call("POST", f"{PATH}/{first.json['id']}/cancel")

    reply = await house.call("POST", PATH, BODY, headers=[KEY])

    assert (reply.status, reply.json["status"]) == (200, "cancelled")


async def test_T3_a_key_older_than_the_log_is_found_in_postgres(house):  # noqa: N802
    first = await house.call("POST", PATH, BODY, headers=[KEY])
    await house.call("POST", f"{PATH}/{first.json['id']}/cancel")
    house.purge()

    reply = await house.call("POST", PATH, BODY, headers=[KEY])

    assert (reply.json["id"], reply.json["status"]) == (first.json["id"], "cancelled")
    assert reply.headers["idempotent-replayed"] == "true"
    assert await house.process.events.read("default", first.json["id"]) is None


async def test_T3_a_purged_key_with_another_body_is_refused(house):  # noqa: N802
    await house.call("POST", PATH, BODY, headers=[KEY])
    house.purge()

    assert (
        await house.call("POST", PATH, {**BODY, "priority": 1}, headers=[KEY])
    ).code == "idempotency_key_reused"


async def test_T3_without_postgres_only_keyed_submissions_have_to_wait(house):  # noqa: N802
    await house.submit()
    house.purge()
    await house.state.stop()

    keyed = await house.call("POST", PATH, BODY, headers=[KEY])

    assert (keyed.status, keyed.code) == (503, "unavailable")
    assert (await house.call("POST", PATH, BODY)).status == 202


async def test_T3_without_postgres_a_key_that_the_log_holds_is_still_known(house):  # noqa: N802
    await house.submit()
    house.purge()
    first = await house.call("POST", PATH, BODY, headers=[KEY])
    await house.state.stop()

    assert (await house.call("POST", PATH, BODY, headers=[KEY])).json["id"] == first.json["id"]


async def test_before_anything_was_purged_nobody_asks_postgres(house):
    await house.state.stop()

    assert (await house.call("POST", PATH, BODY, headers=[KEY])).status == 202


async def test_a_key_that_somebody_uses_just_now_is_no_missing_execution(house):
    async def lost(_decision):
        raise FenceLost("in flight")

    house.gateway.events.append = lost

    reply = await house.call("POST", PATH, BODY, headers=[KEY])

    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "unavailable", "1")
