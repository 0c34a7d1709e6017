"""LiveEvents: all events, gap-free and in order, in memory and on NATS."""

import asyncio

import pytest

from onward.contract import events as ev
from tests.conformance.test_event_log import Execution

pytestmark = pytest.mark.timeout(60)


async def read(stream, most):
    found = []
    async with asyncio.timeout(40):
        async for raw in stream:
            found.append(raw)
            if len(found) == most:
                return found
    return found


async def test_live_events_are_those_stored_then_those_that_come_each_once(world, port):
    before = await world.last()
    stored = [Execution(world, port) for _ in range(5)]
    for one in stored:
        await one.append(ev.Submitted, ev.Started)
    reading = asyncio.ensure_future(read(port.events.live(before), 30))
    later = [Execution(world, port) for _ in range(10)]
    await asyncio.gather(*(one.append(ev.Submitted, ev.Started) for one in later))
    found = await reading
    assert [raw.sequence for raw in found] == list(range(before + 1, before + 31))
    assert await port.events.scan(before, 30) == found


async def test_the_bounds_are_those_of_what_is_stored(world, port):
    last = await Execution(world, port).append(ev.Submitted)
    kept = await Execution(world, port).append(ev.Submitted)
    await world.purge(last)
    assert await port.events.bounds() == (kept, kept)


async def test_live_events_begin_above_what_was_purged(world, port):
    before = await world.last()
    last = await Execution(world, port).append(ev.Submitted)
    kept = await Execution(world, port).append(ev.Submitted)
    await world.purge(last)
    assert [raw.sequence for raw in await read(port.events.live(before), 1)] == [kept]
