"""POST of a submission with `?wait=`: one request from it to the end, and what is accepted stays accepted."""

import asyncio

import pytest

from onward.http.load import Load
from tests.unit.onward_gateway.test_executions import PATH, append, completed, started

NOOP = {"task": "noop"}
KEYED = ((b"idempotency-key", b"k1"),)


@pytest.fixture
async def one_ear(house):
    """A house that hears all events of EVENTS for who waits."""
    await house.gateway.echoes._open()
    return house


async def begun(house, *, wait=30, **how):
    """A request that waits, and the execution that it has made."""
    waiting = asyncio.ensure_future(house.call("POST", f"{PATH}?wait={wait}", NOOP, **how))
    async with asyncio.timeout(20):
        while not house.gateway.load.parked:
            await asyncio.sleep(0)
    return waiting, next(iter(house.gateway.echoes._watches))[1]


async def answer(waiting):
    async with asyncio.timeout(20):
        return await waiting


async def test_what_ends_in_time_is_answered_with_its_end(house):
    waiting, execution = await begun(house)

    await append(house, execution, started, completed)

    reply = await answer(waiting)
    assert (reply.status, reply.json["id"], reply.json["status"]) == (200, execution, "completed")


async def test_with_one_ear_for_all_the_log_is_not_read(one_ear, monkeypatch):
    waiting, execution = await begun(one_ear)
    read, looks = one_ear.bus.events.read, []
    monkeypatch.setattr(one_ear.bus.events, "read", lambda *asked: looks.append(asked) or read(*asked))
    await append(one_ear, execution, started, completed)

    reply = await answer(waiting)

    assert (reply.status, reply.json["status"]) == (200, "completed")
    assert len(looks) == 1, "the one of this test"


async def test_what_does_not_end_in_time_is_accepted_as_ever(house):
    reply = await house.call("POST", f"{PATH}?wait=0.05", NOOP)

    assert (reply.status, reply.json["status"]) == (202, "pending")
    assert (await house.call("GET", f"{PATH}/{reply.json['id']}")).status == 200


async def test_where_nobody_more_may_wait_a_submission_is_still_accepted(house, monkeypatch):
    monkeypatch.setattr(house.gateway, "load", Load(most_parked=0))

    reply = await house.call("POST", f"{PATH}?wait=30", NOOP)

    assert (reply.status, reply.json["status"]) == (202, "pending")


async def test_a_key_that_is_revoked_meanwhile_sees_no_end_of_what_it_submitted(house, monkeypatch):
    monkeypatch.setattr("onward.http.auth.CHECK_KEY_SECONDS", 0.02)
    key = house.add_key("default")
    waiting, execution = await begun(house, key=key)

    house.revoke(key)

    reply = await answer(waiting)
    assert (reply.status, reply.json["id"], reply.json["status"]) == (202, execution, "pending")


async def test_a_repeated_submission_waits_for_the_first_one(house):
    first = await house.call("POST", PATH, NOOP, headers=KEYED)
    waiting, execution = await begun(house, headers=KEYED)

    await append(house, execution, started, completed)

    reply = await answer(waiting)
    assert (reply.status, reply.json["id"], reply.json["status"]) == (200, first.json["id"], "completed")
    assert house.stored() == 3


async def test_who_hangs_up_has_submitted_all_the_same(house):
    hang_up = asyncio.Event()
    waiting, execution = await begun(house, hang_up=hang_up)

    hang_up.set()
    await answer(waiting)

    assert (await house.call("GET", f"{PATH}/{execution}")).json["status"] == "pending"
    assert house.gateway.load.parked == 0


@pytest.mark.parametrize("query", ["wait=61", "wait=-1", "wait=nan", "wait=x", "wiat=1", "wait=1&wait=2"])
async def test_a_wait_that_is_none_is_refused_and_nothing_is_stored(house, query):
    reply = await house.call("POST", f"{PATH}?{query}", NOOP)

    assert (reply.status, reply.code) == (400, "invalid_parameter")
    assert house.stored() == 0
