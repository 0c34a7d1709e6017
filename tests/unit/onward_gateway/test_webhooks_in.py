"""Webhooks: what a signed call does, once; and that nothing opens to any other."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.contract import signing

WEBHOOKS = "/api/v1/webhooks"
NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
PAID = {"name": "paid", "submission": {"task": "noop", "input": {"order": "{{body.order.id}}"}}}
BODY = msgspec.json.encode({"order": {"id": 17}})


@pytest.fixture
async def door(house):
    house.now = NOW
    await house.hear_worker()
    return house


async def opened(door, **members):
    reply = await door.call("POST", WEBHOOKS, PAID | members)
    assert reply.status == 201, reply.json
    return (await door.call("POST", f"{WEBHOOKS}/paid/secret")).json["secret"]


def signed(secret, message_id="msg_1", body=BODY, at=NOW):
    return [
        (b"webhook-id", message_id.encode()),
        (b"webhook-timestamp", str(int(at.timestamp())).encode()),
        (b"webhook-signature", signing.sign(secret, message_id, at, body).encode()),
    ]


async def called(door, headers, body=BODY, name="paid"):
    json = [(b"content-type", b"application/json"), *headers]
    return await door.call("POST", f"{WEBHOOKS}/{name}", body, key=None, headers=json)


async def execution(door, reply):
    return (await door.call("GET", f"/api/v1/executions/{reply.json['execution_id']}")).json


async def test_a_signed_call_starts_an_execution_with_what_its_body_says(door):
    secret = await opened(door)

    reply = await called(door, signed(secret))

    assert (reply.status, reply.json["duplicate"]) == (202, False)
    found = await execution(door, reply)
    assert (found["input"], found["source"], found["origin"]) == ({"order": 17}, "webhook", "paid")
    assert found["submitted_by"] == "webhook:paid"


async def test_a_message_that_comes_again_starts_nothing_more(door):
    secret = await opened(door)

    first, second = [await called(door, signed(secret)) for _ in range(2)]
    other = await called(door, signed(secret, "msg_2"))

    assert (second.status, second.json) == (200, {**first.json, "duplicate": True})
    assert other.json["execution_id"] != first.json["execution_id"]


async def test_nothing_opens_without_a_good_signature_and_nobody_learns_what_exists(door):
    secret = await opened(door)
    other = signing.new_secret(bytes(32))
    refused = [
        await called(door, signed(other)),
        await called(door, signed(secret), BODY + b" "),
        await called(door, []),
        await called(door, signed(secret), name="nobody"),
        await called(door, signed(secret), name="other.paid"),
        await called(door, signed(secret), name="%2e%2e"),
    ]

    assert {reply.status for reply in refused} == {404}
    assert (
        len({msgspec.json.encode({**reply.json, "trace_id": ""} | {"instance": ""}) for reply in refused})
        == 1
    )


async def test_a_webhook_without_a_secret_opens_to_nobody(door):
    assert (await door.call("POST", WEBHOOKS, PAID)).json["secrets"] == 0

    assert (await called(door, signed(signing.new_secret(bytes(32))))).status == 404


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_message_of_another_time_is_refused(door, minutes):
    secret = await opened(door)

    reply = await called(door, signed(secret, at=NOW + timedelta(minutes=minutes)))

    assert reply.code == "bad_request"


async def test_a_paused_webhook_is_as_if_it_were_not_there(door):
    secret = await opened(door)
    await door.call("PATCH", f"{WEBHOOKS}/paid", {"paused": True})

    assert (await called(door, signed(secret))).status == 404


async def test_a_signature_of_github_opens_and_the_same_body_counts_once(door):
    secret = await opened(door)
    signature = "sha256=" + hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    headers = [(b"x-hub-signature-256", signature.encode()), (b"x-github-delivery", b"1")]

    first = await called(door, headers)
    again = await called(door, [headers[0], (b"x-github-delivery", b"2")])

    assert (first.status, again.status) == (202, 200)


async def test_the_old_secret_is_good_for_a_while_and_neither_is_ever_shown_again(door):
    old = await opened(door)
    new = (await door.call("POST", f"{WEBHOOKS}/paid/secret", {"keep_old": 3600.0})).json

    assert (await called(door, signed(old))).status == 202
    assert (await called(door, signed(new["secret"], "msg_2"))).status == 202
    door.now += timedelta(hours=2)
    assert (await called(door, signed(old, "msg_3", at=door.now))).status == 404
    assert (await called(door, signed(new["secret"], "msg_4", at=door.now))).status == 202
    shown = (await door.call("GET", f"{WEBHOOKS}/paid")).body + (await door.call("GET", WEBHOOKS)).body
    assert b"whsec_" not in shown


async def test_a_secret_is_renewed_though_the_task_is_gone(door):
    await opened(door)
    door.config.put_bytes("default", "task", "noop", b"")

    assert (await door.call("POST", f"{WEBHOOKS}/paid/secret", {"keep_old": 0})).status == 201


async def test_a_change_keeps_the_secret(door):
    secret = await opened(door)
    await door.call("PUT", f"{WEBHOOKS}/paid", {**PAID, "description": "orders"})

    assert (await called(door, signed(secret))).status == 202


async def test_more_calls_than_a_minute_may_have_are_refused_and_take_no_execution(door):
    secret = await opened(door, per_minute=2)

    replies = [await called(door, signed(secret, f"msg_{number}")) for number in range(3)]

    assert [reply.status for reply in replies] == [202, 202, 429]
    assert int(replies[2].headers["retry-after"]) >= 1


async def test_a_body_that_does_not_fit_the_template_is_refused(door):
    secret = await opened(door)
    body = b'{"order": {}}'

    reply = await called(door, signed(secret, body=body), body)

    assert (reply.status, reply.code) == (422, "invalid_input")


async def test_a_call_sends_an_event_to_the_execution_that_its_body_names_once(door):
    started = (await door.call("POST", "/api/v1/executions", {"task": "noop"})).json["id"]
    event = {"execution_id": "{{body.run}}", "name": "paid", "value": "{{body.order}}"}
    secret = await opened(door, submission=None, event=event)
    body = msgspec.json.encode({"run": started, "order": {"id": 17}})

    first, second = [await called(door, signed(secret, body=body), body) for _ in range(2)]

    assert (first.status, first.json) == (202, {"execution_id": started, "duplicate": False})
    assert (second.status, second.json["duplicate"]) == (200, True)
    events = (await door.call("GET", f"/api/v1/executions/{started}/events")).json["items"]
    (received,) = [one for one in events if one["type"] == "event_received"]
    assert (received["name"], received["value"]) == ("paid", {"id": 17})


async def test_an_input_that_only_a_call_can_fill_in_is_looked_at_then(door):
    secret = await opened(door, submission={"task": "typed", "input": {"a": "{{body.a}}"}})
    bodies = [b'{"a": 1}', b'{"a": "text"}']

    replies = [await called(door, signed(secret, f"msg_{len(body)}", body), body) for body in bodies]

    assert [(reply.status, reply.json.get("code")) for reply in replies] == [
        (202, None),
        (422, "invalid_input"),
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"submission": None},
        {"event": {"execution_id": "{{body.id}}", "name": "paid"}},
        {"submission": {"task": "nope"}},
        {"submission": {"task": "noop", "input": "{{nobody}}"}},
        {"submission": {"task": "noop", "parent_id": "0" * 36}},
        {"submission": {"task": "typed", "input": {"b": 1}}},
        {"submission": None, "event": {"execution_id": "{{body.id}}", "name": "No Name"}},
        {"per_minute": 0},
        {"secrets": []},
    ],
)
async def test_a_webhook_that_could_do_nothing_is_refused_when_it_is_made(door, members):
    assert (await door.call("POST", WEBHOOKS, PAID | members)).status == 400
