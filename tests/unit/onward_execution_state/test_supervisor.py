import asyncio
import random
from datetime import timedelta

import msgspec
import pytest

from onward.contract import events as ev
from onward.contract.log import Decision
from onward.contract.submission import Heartbeat
from onward.process.metrics import Metrics
from onward.testing.bus import MemoryBus
from onward_execution_state.followers.supervisor import Supervisor
from onward_execution_state.workers import Workers
from tests.unit.onward_execution_state.histories import START, Walk
from tests.unit.onward_execution_state.test_workers import beat

CLOSED, STALE = "Client Closed", "Stale Connection"


class World:
    """A supervisor over the in-memory bus, and what it says to the queue."""

    def __init__(self, grace_seconds=0.05):
        self.process = MemoryBus().process("state")
        self.workers = Workers(START)
        self.supervisor = Supervisor(
            self.process.events, self.process.messages, self.workers, Metrics(), grace_seconds=grace_seconds
        )
        self.naks = []

    async def listen(self):
        async def heard(subject, data):
            self.naks.append((subject, data))

        await self.process.messages.subscribe("$JS.ACK.>", heard)
        return self

    async def stored(self, walk, done=0, expected=0):
        decision = Decision(
            project="default", execution_id=walk.state.id, expected=expected, events=tuple(walk.events[done:])
        )
        return await self.process.events.append(decision)

    def disconnect(self, worker, reason=CLOSED, at=None):
        told = {"client": {"name": worker, "id": 7, "acc": "APP"}, "reason": reason, "server": {"name": "n"}}
        told |= {} if at is None else {"timestamp": at}
        self.supervisor.hear_disconnect(msgspec.json.encode(told))

    def hear(self, told):
        self.supervisor.hear_heartbeat(msgspec.json.decode(told, type=Heartbeat))

    async def lives_on(self, *told):
        """The worker goes on beating until all is settled."""
        settled = asyncio.create_task(self.supervisor.settled())
        while not settled.done():
            self.hear(*told)
            await asyncio.sleep(0.001)

    async def naks_until(self, count):
        await self.supervisor.settled()
        async with asyncio.timeout(2):
            while len(self.naks) < count:
                await asyncio.sleep(0)
        return self.naks


def started(walk):
    return ev.encode(next(event for event in reversed(walk.events) if isinstance(event, ev.Started)))


def running(seed=1, worker="wk-1"):
    return Walk(random.Random(seed)).submit().claim(worker)


async def test_h3_the_hints_of_a_worker_whose_process_ended_are_given_back_at_once():
    world, made = await World(grace_seconds=30).listen(), [running(1), running(2), running(3, "wk-2")]
    for walk in made:
        await world.stored(walk)
        world.supervisor.hear_event(started(walk))

    async with asyncio.timeout(5):
        world.disconnect("wk-1")
        naks = await world.naks_until(2)

    assert sorted(naks) == sorted((walk.state.ack_subject, b"-NAK") for walk in made[:2])


@pytest.mark.parametrize("what", ["completed", "taken_over", "suspended"])
async def test_h3_nothing_is_given_back_that_the_log_says_is_no_longer_held_by_it(what):
    world, made = await World().listen(), running()
    claim = started(made)
    match what:
        case "completed":
            made.complete()
        case "suspended":
            made.suspend()
        case _:
            made.append(ev.Recovered, wake=True, attempt=1, worker_id="wk-1").claim("wk-2")
    await world.stored(made)
    world.supervisor.hear_event(claim)

    world.disconnect("wk-1")
    await world.supervisor.settled()

    assert world.naks == []


async def test_a_lost_connection_gets_a_grace_and_a_heartbeat_in_it_saves_the_worker():
    world, made = await World().listen(), running()
    await world.stored(made)
    world.supervisor.hear_event(started(made))

    world.disconnect("wk-1", STALE)
    await world.lives_on(beat(holds={made.state.id: "x"}))

    assert world.naks == []


async def test_a_heartbeat_that_was_under_way_when_the_connection_ended_does_not_save_the_worker():
    world, made = await World().listen(), running()
    await world.stored(made)
    holds = beat(holds={made.state.id: made.state.ack_subject})
    world.hear(holds)

    world.disconnect("wk-1", STALE)
    await asyncio.sleep(0)
    world.hear(holds)

    assert len(await world.naks_until(1)) == 1


async def test_a_lost_connection_that_stays_lost_ends_in_the_same():
    world, made = await World().listen(), running()
    await world.stored(made)
    world.supervisor.hear_event(started(made))

    world.disconnect("wk-1", STALE)

    assert len(await world.naks_until(1)) == 1
    assert not world.workers.alive("wk-1", START + timedelta(hours=1))


async def test_what_a_heartbeat_names_is_known_without_having_heard_of_its_start():
    world, made = await World().listen(), running()
    await world.stored(made)
    world.supervisor.hear_heartbeat(msgspec.json.decode(beat(holds={made.state.id: "x"}), type=Heartbeat))

    world.disconnect("wk-1")

    assert len(await world.naks_until(1)) == 1


async def test_a_start_that_is_newer_than_the_heartbeat_is_not_forgotten():
    world, made = await World().listen(), running()
    await world.stored(made)
    world.supervisor.hear_event(started(made))
    world.supervisor.hear_heartbeat(
        msgspec.json.decode(beat(at=START - timedelta(seconds=1)), type=Heartbeat)
    )

    world.disconnect("wk-1")

    assert len(await world.naks_until(1)) == 1


async def test_a_start_that_was_on_its_way_to_the_log_while_the_worker_beat_is_not_forgotten():
    world, made = await World().listen(), running()
    await world.stored(made)
    world.hear(beat(at=START - timedelta(seconds=1)))
    world.supervisor.hear_event(started(made))
    world.hear(beat(at=made.state.started_at + timedelta(seconds=1)))

    world.disconnect("wk-1")

    assert len(await world.naks_until(1)) == 1


async def test_a_last_claim_that_is_heard_after_the_end_is_given_back_too():
    world, first, last = await World().listen(), running(1), running(2)
    await world.stored(first)
    world.supervisor.hear_event(started(first))
    world.disconnect("wk-1")
    await world.naks_until(1)

    await world.stored(last)
    world.supervisor.hear_event(started(last))

    assert [subject for subject, _ in await world.naks_until(2)][1] == last.state.ack_subject


async def test_connections_of_others_are_none_of_its_business():
    world = await World().listen()
    for told in (b"", b"{}", b'{"client":{}}', b"[]"):
        world.supervisor.hear_disconnect(told)

    world.disconnect("gateway")
    await world.supervisor.settled()

    assert world.naks == []


async def test_h3_a_worker_that_lost_one_of_its_connections_is_not_dead():
    world, made = await World(grace_seconds=0.02).listen(), running()
    await world.stored(made)
    two = {"connections": ("wk-1", "wk-1.watchdog"), "holds": {made.state.id: made.state.ack_subject}}
    world.hear(beat("wk-1", **two))

    for name in ("wk-1", "wk-1.watchdog", "wk-1"):
        world.disconnect(name)
        await world.lives_on(beat("wk-1", **two))

    assert (world.naks, world.workers.alive("wk-1", START)) == ([], True)


@pytest.mark.parametrize("order", [("wk-1", "wk-1.watchdog"), ("wk-1.watchdog", "wk-1")])
async def test_h3_a_worker_whose_process_closed_both_connections_is_dead_at_once(order):
    world, made = await World(grace_seconds=30).listen(), running()
    await world.stored(made)
    holds = {made.state.id: made.state.ack_subject}
    world.hear(beat("wk-1", connections=("wk-1", "wk-1.watchdog"), holds=holds))

    async with asyncio.timeout(5):
        for name in order:
            world.disconnect(name)
        while not world.naks:
            await asyncio.sleep(0)

    assert world.naks == [(made.state.ack_subject, b"-NAK")]
