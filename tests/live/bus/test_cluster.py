"""Three servers, three replicas: stale followers, dead leaders."""

import asyncio

import pytest

from onward.bus.bus import open_bus
from onward.bus.prove import prove
from onward.bus.streams import hint_directly, state
from onward.bus.topology import ensure, ensure_queue
from onward.bus.verify import verify
from onward.contract import subjects
from onward.contract.errors import FenceLost, Unavailable
from tests.live.bus.making import ROUTE, creation, next_decision, outcomes, until
from tests.live.bus.test_kills import Writer, check_that_nothing_is_lost
from tests.support.nats_server import three_servers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with three_servers(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def bus(cluster):
    cluster.wait_ready()
    bus = await open_bus(cluster.urls, "test", lambda: None)
    try:
        await ensure(bus.connection, replicas=3)
        yield bus
    finally:
        await bus.close()


async def at(server):
    """The bus of a process that is connected to this very server."""
    return await open_bus(server.url, f"at {server.name}", lambda: None)


async def test_a_cluster_passes_the_start_up_checks(bus):
    await verify(bus.connection)

    async with asyncio.timeout(30):
        while True:
            try:
                await prove(bus.connection)
                return
            except Unavailable:  # a server that has just joined may not have a place yet
                await asyncio.sleep(0.2)


async def test_v1_a_follower_that_lags_is_not_believed(cluster, bus, project):
    leader = cluster.leader_of(subjects.EVENTS)
    for follower in [server for server in cluster if server is not leader]:
        near, far = await at(leader), await at(follower)
        follower.pause()
        made = [creation(project) for _ in range(200)]
        sequences = await outcomes(near.events, *made)
        follower.resume()

        for decision, sequence in list(zip(made, sequences, strict=True))[:-20:-1]:
            log = await far.events.read(project, decision.execution_id, route=ROUTE, floor=sequence)
            assert log is not None
            assert log.sequence == sequence
        await near.close()
        await far.close()


async def test_a1_over_three_servers_every_race_has_one_winner(cluster, bus, project):
    processes = [await at(server) for server in cluster]
    for _ in range(30):
        first = creation(project)
        sequence = await bus.events.append(first)
        rivals = [next_decision(first, sequence, 2, count=1 + place % 2) for place in range(6)]

        results = await asyncio.gather(
            *(outcomes(processes[place % 3].events, rival) for place, rival in enumerate(rivals))
        )

        won = [rival for rival, [result] in zip(rivals, results, strict=True) if isinstance(result, int)]
        assert len(won) <= 1
        assert all(isinstance(result, int | FenceLost) for [result] in results)
        floor = next((result for [result] in results if isinstance(result, int)), sequence)
        after = await bus.events.tail(
            project, first.execution_id, [ROUTE, "default.high"], after=sequence, floor=floor
        )
        assert [s.event.id for s in after] == [event.id for rival in won for event in rival.events]
    for process in processes:
        await process.close()


@pytest.mark.slow
async def test_a5_torture_03_nothing_accepted_is_lost_or_doubled_when_leaders_die(cluster, bus):
    writer, stop = Writer(bus), asyncio.Event()
    tasks = [asyncio.create_task(writer.write(stop)) for _ in range(40)]
    for _ in range(3):
        before = len(writer.told)
        await until(lambda: len(writer.told) > before + 200, timeout=40)  # noqa: B023
        leader = cluster.leader_of(subjects.EVENTS)
        leader.kill()
        before = len(writer.told)
        await until(lambda: len(writer.told) > before + 200, timeout=40)  # noqa: B023
        leader.start()
    stop.set()
    await asyncio.gather(*tasks)

    await check_that_nothing_is_lost(bus, writer)


@pytest.mark.slow
async def test_h5_hints_reach_workers_while_the_source_is_silent(cluster, bus, project):
    await ensure_queue(bus.connection, project, "default")
    hints = bus.hints(project, ["default"])
    leader = cluster.leader_of(subjects.EVENTS)
    leader.kill()
    first = creation(project)

    async def accepted():
        try:
            return await bus.events.append(first)
        except Unavailable:
            return None
        except FenceLost as lost:
            return lost.floor

    sequence = await until(accepted, timeout=40)
    await until(lambda: _hinted(bus, first.events[0], sequence), timeout=40, every=0.5)

    async with asyncio.timeout(40):
        [hint] = await hints.take(1)
    assert (hint.execution_id, hint.floor) == (first.execution_id, sequence)
    leader.start()
    cluster.wait_ready()
    assert (await state(bus.connection)).last_sequence >= sequence
    await hints.close()


async def _hinted(bus, event, sequence):
    try:
        return await hint_directly(bus.connection, event, sequence)
    except Unavailable:
        return None
