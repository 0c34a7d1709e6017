"""GET of one execution with `?wait=`: no polling, nothing missed, and nobody waited for who is gone."""

import asyncio

import pytest

from onward.contract import events as ev
from tests.unit.onward_gateway.test_executions import PATH, append, checkpoint, completed, started


async def test_waiting_ends_with_the_execution(house):
    execution = await house.submit()
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30"))
    await asyncio.sleep(0.02)
    assert not waiting.done()

    await append(house, execution["id"], started)
    await append(house, execution["id"], checkpoint("one"), completed)

    async with asyncio.timeout(1):
        reply = await waiting
    assert (reply.json["status"], reply.json["version"]) == ("completed", 4)


async def test_waiting_for_what_has_ended_does_not_wait(house):
    execution = await house.submit()
    await append(house, execution["id"], started, completed)

    async with asyncio.timeout(1):
        assert (await house.call("GET", f"{PATH}/{execution['id']}?wait=30")).json["status"] == "completed"


async def test_what_was_purged_is_not_waited_for(house):
    execution = await house.submit()
    await append(house, execution["id"], started, completed)
    house.purge()

    async with asyncio.timeout(1):
        assert (await house.call("GET", f"{PATH}/{execution['id']}?wait=30")).json["status"] == "completed"


async def test_waiting_ends_after_its_time(house):
    execution = await house.submit()

    async with asyncio.timeout(1):
        reply = await house.call("GET", f"{PATH}/{execution['id']}?wait=0.05")

    assert (reply.status, reply.json["status"]) == (200, "pending")


async def test_an_echo_that_got_lost_is_made_up_for(house):
    execution = await house.submit()
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30"))
    await asyncio.sleep(0.02)
    echo = house.bus.events.listeners.pop()
    await append(house, execution["id"], started)
    house.bus.events.listeners.append(echo)

    await append(house, execution["id"], completed)

    async with asyncio.timeout(1):
        assert (await waiting).json["version"] == 3


async def test_a_lost_last_echo_is_made_up_for_as_well(house, monkeypatch):
    monkeypatch.setattr("onward_gateway.waiting.LOOK_SECONDS", 0.05)
    execution = await house.submit()
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30"))
    await asyncio.sleep(0.02)
    house.bus.events.listeners.clear()

    await append(house, execution["id"], started, completed)

    async with asyncio.timeout(1):
        assert (await waiting).json["status"] == "completed"


async def test_who_hangs_up_is_not_waited_for_any_more(house):
    execution = await house.submit()
    hang_up = asyncio.Event()
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30", hang_up=hang_up))
    await asyncio.sleep(0.02)
    assert house.gateway.load.parked == 1

    hang_up.set()

    async with asyncio.timeout(1):
        await waiting
    await asyncio.sleep(0.01)
    assert house.gateway.load.parked == 0
    assert not [s for s in house.bus.wires.subscriptions if "echo" in s.pattern]


async def test_a_key_that_is_revoked_while_it_waits_gets_no_answer(house, monkeypatch):
    monkeypatch.setattr("onward.http.auth.CHECK_KEY_SECONDS", 0.02)
    execution, key = await house.submit(), house.add_key("default")
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30", key=key))
    async with asyncio.timeout(20):
        while not house.gateway.load.parked:
            await asyncio.sleep(0)

        house.revoke(key)
        reply = await waiting

    assert (reply.status, reply.code) == (401, "unauthorized")
    assert house.gateway.load.parked == 0


async def test_a_stopping_gateway_lets_who_waits_go(house):
    execution = await house.submit()
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30"))
    await asyncio.sleep(0.02)

    house.gateway.closing.set()

    async with asyncio.timeout(1):
        assert (await waiting).status == 200


@pytest.mark.parametrize("query", ["wait=61", "wait=-1", "wait=nan", "wait=x", "wiat=1", "wait=1&wait=2"])
async def test_a_wait_that_is_none_is_refused(house, query):
    execution = await house.submit()

    assert (await house.call("GET", f"{PATH}/{execution['id']}?{query}")).code == "invalid_parameter"


async def test_held_for_repair_is_no_end_to_wait_for(house):
    execution = await house.submit()
    waiting = asyncio.ensure_future(house.call("GET", f"{PATH}/{execution['id']}?wait=30"))
    await append(house, execution["id"], started, held)
    await asyncio.sleep(0.05)
    assert not waiting.done()

    await house.call("POST", f"{PATH}/{execution['id']}/cancel")

    async with asyncio.timeout(1):
        assert (await waiting).json["status"] == "cancelled"


def held(fields):
    return ev.Failed(**fields, reason="held", error=ev.Failure(type="ValueError", message="no"))
