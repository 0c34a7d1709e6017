"""One ear for all who wait: when there is one, what it saves, and that nobody waits in vain for what it has missed."""

import asyncio

import pytest

from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward_gateway import echoes
from tests.unit.onward_gateway.test_executions import PATH, append, checkpoint, completed, started


@pytest.fixture
async def one_ear(house):
    """A gateway that hears everything, since so many have waited."""
    await asyncio.gather(*[waited(house, await ended(house)) for _ in range(echoes.MANY)])
    await until(lambda: ears(house) == [subjects.ECHO_OF_EVENTS])
    return house


async def test_a_few_who_wait_have_an_ear_each(house):
    execution = await submitted(house)
    waiting = asyncio.ensure_future(waited(house, execution))
    await until(lambda: len(ears(house)) == 1)

    assert execution in ears(house)[0]

    await append(house, execution, started, completed)
    assert (await waiting)["status"] == "completed"
    await until(lambda: not ears(house))


async def test_many_who_wait_have_one_ear_for_all(one_ear):
    executions = [await submitted(one_ear) for _ in range(5)]
    waiting = [asyncio.ensure_future(waited(one_ear, execution)) for execution in executions]
    await until(lambda: one_ear.gateway.load.parked == 5)
    await waited(one_ear, await ended(one_ear))

    assert ears(one_ear) == [subjects.ECHO_OF_EVENTS]

    for execution in executions:
        await append(one_ear, execution, started, completed)
    assert [one["status"] for one in await asyncio.gather(*waiting)] == ["completed"] * 5


async def test_what_was_heard_from_the_first_on_needs_no_read(one_ear, unreadable):
    early, late = await submitted(one_ear), await submitted(one_ear)
    await append(one_ear, early, started, checkpoint("one"), completed)
    await until(lambda: not one_ear.bus.wires.subscriptions[-1].inbox.qsize())
    unreadable()
    waiting = asyncio.ensure_future(waited(one_ear, late))

    assert (await waited(one_ear, early))["version"] == 4
    unreadable.undo()
    await append(one_ear, late, started, completed)
    unreadable()
    assert (await waiting)["version"] == 3


async def test_a_hole_in_what_was_heard_is_read(one_ear):
    execution = await submitted(one_ear)
    echo = one_ear.bus.events.listeners.pop()
    await append(one_ear, execution, started)
    one_ear.bus.events.listeners.append(echo)
    await append(one_ear, execution, completed)

    assert (await waited(one_ear, execution))["version"] == 3


async def test_an_end_that_was_not_heard_is_looked_for_soon(one_ear, monkeypatch):
    monkeypatch.setattr("onward_gateway.waiting.FIRST_LOOK_SECONDS", 0.05)
    execution = await submitted(one_ear)
    one_ear.bus.events.listeners.clear()
    await append(one_ear, execution, started, completed)

    assert (await waited(one_ear, execution))["status"] == "completed"


async def test_where_more_happens_than_is_waited_for_each_gets_an_ear_again(one_ear, monkeypatch):
    monkeypatch.setattr("onward_gateway.echoes.COUNTED", 50)
    monkeypatch.setattr("onward_gateway.echoes.WORTH", 0)
    execution = await submitted(one_ear)
    waiting = asyncio.ensure_future(waited(one_ear, execution))
    await until(lambda: one_ear.gateway.load.parked == 1)

    for _ in range(50):
        await submitted(one_ear)

    await until(lambda: [execution in ear for ear in ears(one_ear)] == [True])
    await append(one_ear, execution, started, completed)
    assert (await waiting)["status"] == "completed"
    await until(lambda: not ears(one_ear))


async def test_the_oldest_is_forgotten_where_there_is_no_room_for_more(one_ear, unreadable, monkeypatch):
    first = await ended(one_ear)
    monkeypatch.setattr("onward_gateway.echoes.MOST_BYTES", 2000)
    last = [await ended(one_ear) for _ in range(10)][-1]
    await until(lambda: not one_ear.bus.wires.subscriptions[-1].inbox.qsize())
    unreadable()

    assert (await waited(one_ear, last))["status"] == "completed"
    assert (await waited(one_ear, first))["code"] == "unavailable"


@pytest.fixture
def unreadable(one_ear, monkeypatch):
    """EVENTS answers no question while this holds."""

    async def silent(*_asked, **_more):
        raise Unavailable("EVENTS does not answer")

    class Silence:
        def __call__(self):
            monkeypatch.setattr(one_ear.gateway.events, "read", silent)
            monkeypatch.setattr(one_ear.gateway.events, "read_on", silent)

        def undo(self):
            monkeypatch.undo()

    return Silence()


async def submitted(house):
    return (await house.submit())["id"]


async def ended(house):
    execution = await submitted(house)
    await append(house, execution, started, completed)
    return execution


async def waited(house, execution):
    async with asyncio.timeout(20):
        return (await house.call("GET", f"{PATH}/{execution}?wait=30")).json


def ears(house):
    patterns = [".".join(each.pattern) for each in house.bus.wires.subscriptions]
    return [pattern for pattern in patterns if pattern.startswith("onward.echo.ev.")]


async def until(holds):
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)
