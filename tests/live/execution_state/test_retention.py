import asyncio
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.bus import fenced, follow, streams
from onward.contract import commands, subjects
from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.lifecycle import fold
from onward.contract.log import Decision
from onward.process.loop import MORE
from onward_execution_state.life import life_of_events
from onward_execution_state.maintenance.carrying import Carrier
from onward_execution_state.maintenance.retention import FLOOR
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.workers import Workers
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.making import append
from tests.live.execution_state.retaining import OLD, World
from tests.unit.onward_execution_state.histories import Walk, walks


@pytest.fixture
async def world(bus, database, projector_of):
    source = await life_of_events(bus.connection, lambda: 0.0)()
    made = World(
        bus, database, projector_of(bus.events, source=source), life_of_events(bus.connection, lambda: 0.0)
    )
    yield made
    await made.leader.close()


def walk(seed=1, ago=OLD):
    return Walk(random.Random(seed), at=datetime.now(UTC) - ago)


def plain(state):
    return msgspec.json.encode(msgspec.structs.replace(state, n=0))


async def test_t2_what_is_over_for_longer_than_the_horizon_goes_and_the_rest_stays(world):
    over, recent = (
        walk(1).submit().claim().complete(),
        walk(2, timedelta(minutes=5)).submit().claim().complete(),
    )
    await world.stored(over, recent)

    result = await world.purge()

    assert (result.purged_to, result.carried, result.held_by) == (3, 0, None)
    assert await world.bus.events.read("default", over.state.id) is None
    assert plain((await world.bus.events.read("default", recent.state.id)).execution) == plain(recent.state)


async def test_t2_what_is_open_is_carried_first_and_reads_as_before(world):
    made = [
        walk(1).submit(),
        walk(2).submit(delayed=True),
        walk(3).submit(queue="gpu").claim().step("one", b"1").step("two", b"2"),
        walk(4).submit().claim().suspend(seconds=10**6),
        walk(5).submit().claim().append(ev.QuestionAsked, wait="q", text="?", schema=msgspec.Raw(b'{"type":"string"}'))
        .append(ev.Suspended, reason="waiting_for_input"),
    ]  # fmt: skip
    await world.stored(*made)
    last = (await world.stream()).last_sequence
    before = {each.state.id: await world.bus.events.read("default", each.state.id) for each in made}

    result = await world.purge()

    assert (result.purged_to, (await world.stream()).first_sequence) == (last, last + 1)
    for each in made:
        after = await world.bus.events.read("default", each.state.id)
        assert plain(after.execution) == plain(each.state)
        assert {key: bytes(point.result) for key, point in after.checkpoints().items()} == {
            key: bytes(point.result) for key, point in before[each.state.id].checkpoints().items()
        }


async def test_t2_a_carried_execution_goes_on_from_where_it_was(world):
    made = walk(1).submit(queue="gpu").claim("wk-1").step("one")
    await world.stored(made)
    await world.purge()

    found = await world.bus.events.read("default", made.state.id, route=made.state.route)
    made.state = found.execution
    done = len(made.events)
    await append(world.bus, made.step("two").complete(), done=done, expected=found.sequence)
    await until_projected(world.projector)

    (row,) = await world.database.ask("select status, version from executions")
    assert (row["status"], row["version"]) == ("completed", 6)


async def test_t2_many_checkpoints_are_carried_in_parts(world):
    made = walk(1).submit().claim()
    for place in range(8):
        made.step(f"step-{place}", b'"%s"' % (b"x" * 150_000))
    await world.stored(made)

    await world.purge()

    found = await world.bus.events.read("default", made.state.id)
    assert len(found.checkpoints()) == 8
    assert sum(isinstance(stored.event, ev.Carried) for stored in found.stored) > 1


async def test_t2_nothing_goes_that_is_not_projected(world):
    await world.stored(walk(1).submit().claim().complete())
    await append(world.bus, walk(2).submit().claim().complete())
    await world.fed()

    result = await world.retention().run_once(world.now)

    assert (result.purged_to, result.held_by) == (3, "the projection")
    assert (await world.stream()).first_sequence == 4


async def test_t2_nothing_goes_that_a_follower_has_not_seen(world):
    await world.stored(walk(1).submit().claim().complete())
    seen = asyncio.Event()

    async def slow(batch):
        seen.set()
        await asyncio.sleep(60)

    following = asyncio.create_task(follow.follow(world.bus.connection, "slow", slow))
    async with asyncio.timeout(40):
        await seen.wait()

    result = await world.purge(world.retention(followers=("slow",)))

    assert (result.purged_to, result.held_by) == (0, "the follower slow")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_t2_it_purges_in_small_steps(world):
    await world.stored(*(walk(seed).submit().claim().complete() for seed in range(12)))
    await world.fed()
    retention = world.retention(step=10)

    assert await retention.run_once(world.now) is MORE
    assert (await world.stream()).first_sequence == 11

    assert (await world.purge(retention)).purged_to == 36


async def test_t2_an_execution_that_moves_while_it_is_carried_is_carried_as_it_is_then(world):
    made = walk(1).submit().claim()
    await world.stored(made)
    # Its row stays behind: the projector does not run.
    found = await world.bus.events.read("default", made.state.id)
    await append(world.bus, made.step("late"), done=2, expected=found.sequence)
    postgres = await world.leader.connection(world.now)

    written = await Carrier(world.bus.events, lambda: "c", at_once=10).carry(postgres, 2, world.now)

    after = await world.bus.events.read("default", made.state.id)
    assert written == [4]
    assert after.stored[-1].event.state is not None
    assert plain(after.execution) == plain(made.state)


async def test_t2_one_retried_while_its_beginning_was_purged_is_mended(world):
    made = walk(1).submit().claim().append(ev.Failed, reason="error", error=ev.Failure(type="E", message="m"))
    await world.stored(made)
    await streams.purge_to(world.bus.connection, 2)
    made._add(*commands.retry(made.state, made.moment, fresh=False))
    await append(world.bus, made, done=3, expected=3)
    await streams.purge_to(world.bus.connection, 3)
    await until_projected(world.projector)

    await world.purge()

    found = await world.bus.events.read("default", made.state.id)
    assert plain(found.execution) == plain(made.state)


async def test_t2_it_is_carried_once_a_horizon_and_not_each_round(world):
    await world.stored(walk(1).submit())
    await world.purge()
    await world.purge()
    await world.purge()

    assert (await world.stream()).last_sequence == 2


async def test_t3_gateways_are_told_before_anything_is_purged(world):
    await world.bus.config.start()
    heard = []
    world.bus.config.on_change(lambda *change: heard.append(change))
    await world.stored(walk(1).submit().claim().complete())

    await world.purge()

    (change,) = heard
    assert change[:3] == FLOOR
    assert msgspec.json.decode(change[3]) == {"purged_to": 3}
    told = await fenced.last(world.bus.connection, subjects.CONFIG, subjects.config(*FLOOR))
    assert told.sequence == 1


async def test_t3_not_in_postgres_then_not_in_events_is_a_proof_at_every_moment(world):
    """Whoever asks in this order finds every execution that was ever accepted, however much is purged meanwhile."""
    made = walks(seed=31, count=150, longest=6)
    for each in made:
        each.events = [msgspec.structs.replace(event, at=world.now - OLD) for event in each.events]
    overview = Overview(world.database, Workers(world.now), None, None, None)
    queries = Queries(world.database, world.source, overview)
    accepted, missed, asked = [], [], 0

    async def accept():
        for each in made:
            await append(world.bus, each)
            accepted.append(each.state.id)

    async def ask():
        nonlocal asked
        rng = random.Random(1)
        # Until enough was asked, and enough purged meanwhile.
        while len(accepted) < len(made) or asked < 600 or (await world.stream()).first_sequence <= 100:
            if not accepted:
                await asyncio.sleep(0)
                continue
            execution_id = rng.choice(accepted)
            question = msgspec.json.encode({"project": "default", "id": execution_id})
            in_postgres = await queries.answer("onward.ask.state.execution", question) != b"null"
            if not in_postgres and await world.bus.events.read("default", execution_id) is None:
                missed.append(execution_id)
            asked += 1

    async def retain():
        retention = world.retention(step=20)
        while True:
            await retention.run_once(world.now)
            await asyncio.sleep(0.001)

    beside = [asyncio.create_task(retain()), asyncio.create_task(world._project(pause=0.3))]
    async with asyncio.timeout(60):
        await asyncio.gather(accept(), ask())
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)

    assert missed == []
    assert (await world.stream()).first_sequence > 100


async def test_t3_what_is_purged_is_projected_for_good(world):
    """The commit that notes the purge is flushed, and with it all that the projection committed before."""
    await world.stored(walk(1).submit().claim().complete())

    await world.purge()

    postgres = await world.leader.connection(world.now)
    assert await postgres.fetchval("show synchronous_commit") == "on"
    assert await postgres.fetchval("select up_to from purges") == 3


async def test_a_decision_on_top_of_a_purged_execution_brings_it_back(world):
    made = walk(1).submit().claim().append(ev.Failed, reason="error", error=ev.Failure(type="E", message="m"))
    await world.stored(made)
    await world.purge()
    carried = carry(made.state, [], made.moment)
    retried = commands.retry(fold(carried), made.moment, fresh=False)

    await world.bus.events.append(
        Decision(project="default", execution_id=made.state.id, expected=0, events=(*carried, *retried))
    )
    await until_projected(world.projector)

    (row,) = await world.database.ask("select status, version from executions")
    assert (row["status"], row["version"]) == ("pending", 5)
