"""Events from outside are taken once, kept within limits, and refused by what has ended."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from onward.contract import commands, subjects
from onward.contract import events as ev
from tests.unit.onward_gateway.test_control import PATH, asked, suspended, what_happened
from tests.unit.onward_gateway.test_executions import NOBODY, append, completed, started


def awaits(name):
    return lambda fields: ev.EventAwaited(**fields, wait=f"event.{name}", name=name)


async def waiting(house):
    execution = await house.submit()
    await append(house, execution["id"], started, awaits("paid"), suspended)
    return execution["id"]


def send(house, one, name="paid", **body):
    return house.call("POST", f"{PATH}/{one}/events", {"name": name, **body})


async def test_an_event_wakes_what_waits_for_it(house):
    one = await waiting(house)

    reply = await send(house, one, value={"amount": 1}, key="k1")

    assert (reply.status, reply.json) == (
        202,
        {"execution_id": one, "name": "paid", "key": "k1", "duplicate": False},
    )
    log = await house.process.events.read("default", one)
    assert (log.execution.ready, log.stored[-1].event.wake) == (True, "default.normal")
    assert log.stored[-1].event.actor.startswith("key:")


async def test_the_same_key_is_taken_once_however_often_and_however_fast_it_is_sent(house):
    one = await waiting(house)

    replies = await asyncio.gather(*(send(house, one, value=i, key="k1") for i in range(5)))

    assert sorted(reply.status for reply in replies) == [200, 200, 200, 200, 202]
    assert sorted(reply.json["duplicate"] for reply in replies) == [False, True, True, True, True]
    assert (await what_happened(house, one)).count("event_received") == 1


async def test_what_it_does_not_wait_for_yet_is_kept(house):
    execution = await house.submit()

    assert (await send(house, execution["id"], value=1)).status == 202

    log = await house.process.events.read("default", execution["id"])
    assert [bytes(item.value) for item in log.execution.inbox["paid"]] == [b"1"]
    assert log.stored[-1].event.wake is None


async def test_what_has_ended_or_is_cancelling_takes_no_event_but_knows_those_it_took(house):
    ended, cancelling = await house.submit(), await house.submit()
    await append(house, ended["id"], started)
    await send(house, ended["id"], key="k1")
    await append(house, ended["id"], completed)
    await append(house, cancelling["id"], started)
    await house.call("POST", f"{PATH}/{cancelling['id']}/cancel")

    assert (await send(house, ended["id"], key="k2")).code == "already_ended"
    assert (await send(house, cancelling["id"])).code == "already_ended"
    assert (await send(house, ended["id"], key="k1")).json["duplicate"] is True


async def test_more_than_it_may_keep_is_refused_until_it_waits_for_some(house, monkeypatch):
    monkeypatch.setattr(commands, "MAX_INBOX", 3)
    execution = await house.submit()
    for _ in range(3):
        assert (await send(house, execution["id"])).status == 202

    assert (await send(house, execution["id"])).code == "conflict"

    await append(house, execution["id"], started, awaits("paid"))
    assert (await send(house, execution["id"])).status == 202


async def test_large_values_that_nobody_waits_for_are_refused_before_they_are_too_many(house):
    execution = await house.submit()
    large = "x" * 200_000

    assert [(await send(house, execution["id"], value=large)).status for _ in range(3)] == [202, 202, 409]


async def test_who_holds_it_is_told_of_an_event_and_of_an_answer(house):
    execution = await house.submit()
    await append(house, execution["id"], started, asked(), awaits("paid"))
    told = []

    async def hear(subject, _data):
        told.append(subject)

    await house.process.messages.subscribe(subjects.control("default", execution["id"]), hear)

    await send(house, execution["id"])
    await house.call("POST", f"{PATH}/{execution['id']}/answer", {"answer": "yes"})

    async with asyncio.timeout(1):
        while len(told) < 2:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "body, status",
    [
        ({}, 400),
        ({"name": "Paid!"}, 400),
        ({"name": "paid", "extra": 1}, 400),
        ({"name": "paid", "value": "x" * 262_145}, 413),
        ({"name": "paid", "value": {"$onward_object": 1}}, 422),
        ({"name": "paid", "key": ""}, 400),
        ({"name": "paid", "value": "\0"}, 400),
    ],
)
async def test_an_event_that_is_none_is_refused(house, body, status):
    one = await waiting(house)

    assert (await house.call("POST", f"{PATH}/{one}/events", body)).status == status


async def test_an_event_for_nobody_is_refused(house):
    assert (await send(house, NOBODY)).code == "not_found"


async def test_an_answer_may_be_one_of_several_types_and_null_one_of_them(house):
    schema = msgspec.Raw(msgspec.json.encode(msgspec.json.schema(int | None)))
    answered = []
    for given in (None, 7, "seven"):
        execution = await house.submit()
        await append(house, execution["id"], started, asked(schema=schema), suspended)
        reply = await house.call("POST", f"{PATH}/{execution['id']}/answer", {"answer": given})
        answered.append((reply.status, reply.json.get("waiting_on")))

    assert answered == [(200, []), (200, []), (422, None)]


async def test_an_answer_after_the_deadline_is_refused_even_before_its_timer_has_fired(house):
    execution = await house.submit()
    over = house.now - timedelta(seconds=1)
    await append(house, execution["id"], started, asked(until=over), suspended)

    reply = await house.call("POST", f"{PATH}/{execution['id']}/answer", {"answer": "late"})

    assert (reply.status, reply.code) == (409, "question_closed")
