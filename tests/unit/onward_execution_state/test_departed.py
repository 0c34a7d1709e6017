import asyncio
from datetime import timedelta

import msgspec

from onward.contract import subjects
from tests.unit.onward_execution_state.histories import START
from tests.unit.onward_execution_state.test_supervisor import CLOSED, STALE, World, running, started
from tests.unit.onward_execution_state.test_workers import beat


async def asked(world, walk):
    question = msgspec.json.encode({"execution_id": walk.state.id})
    answer = await world.process.messages.ask(subjects.owner("wk-1"), question, timeout=0.05)
    return answer if answer is None else msgspec.json.decode(answer)


async def left(reason, at=None):
    world, walk = await World().listen(), running()
    await world.stored(walk)
    world.supervisor.hear_event(started(walk))
    world.disconnect("wk-1", reason, at)
    await world.naks_until(1)
    return world, walk


async def test_h1_who_asks_a_worker_whose_process_ended_hears_at_once_that_it_holds_nothing():
    world, walk = await left(CLOSED)

    assert await asked(world, walk) == {"holds": False}


async def test_h1_nobody_speaks_for_a_worker_that_may_be_connecting_again():
    world, walk = await left(STALE)

    assert await asked(world, walk) is None


async def test_h1_a_worker_that_is_heard_again_speaks_for_itself():
    world, walk = await left(CLOSED)

    world.hear(beat("wk-1"))

    async with asyncio.timeout(5):
        while await asked(world, walk) is not None:
            await asyncio.sleep(0)


async def test_h3_a_worker_that_claims_after_its_connections_ended_lives_and_keeps_what_it_claimed():
    world, walk = await left(CLOSED, at=START)
    later = running(2)
    await world.stored(later)

    world.supervisor.hear_event(started(later))
    await world.supervisor.settled()

    assert [subject for subject, _ in world.naks] == [walk.state.ack_subject]
    async with asyncio.timeout(5):
        while await asked(world, walk) is not None:
            await asyncio.sleep(0)


async def test_h3_a_worker_whose_wire_broke_and_that_beats_at_once_keeps_its_hints():
    world, walk = await World().listen(), running()
    await world.stored(walk)
    world.supervisor.hear_event(started(walk))

    world.disconnect("wk-1", CLOSED, START - timedelta(seconds=1))
    await world.lives_on(beat("wk-1"))

    assert world.naks == []
    assert await asked(world, walk) is None


async def test_h3_a_heartbeat_that_was_on_its_way_proves_nothing():
    world, walk = await World().listen(), running()
    await world.stored(walk)
    world.supervisor.hear_event(started(walk))

    world.disconnect("wk-1", CLOSED, START + timedelta(seconds=1))
    await world.lives_on(beat("wk-1"))

    assert [subject for subject, _ in await world.naks_until(1)] == [walk.state.ack_subject]
