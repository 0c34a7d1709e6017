"""Damage of the log: it is found and named, brought back from Postgres, and what comes after it is still projected."""

import random
import shutil
from collections import defaultdict

import pytest

from onward.bus import streams
from onward.bus.api import call
from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.topology import ensure
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import BrokenLog
from onward.process.fresh import new_id
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.losses import Scrubber, losses
from onward_execution_state.mending import mend
from onward_execution_state.rebuild import Log, rebuild
from onward_execution_state.store import Source
from tests.live.execution_state.conftest import NOW, SOURCE, until_projected
from tests.live.execution_state.making import append
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import Walk, interleaved, stored, walks


@pytest.fixture
async def connection(database):
    opened = await database.writer(durable=True)
    yield opened
    await opened.close()


def named(found):
    return {(loss.execution_id, loss.n) for loss in found}


def places(raws):
    return {(event.execution_id, event.n) for event in (ev.decode(raw.data) for raw in raws)}


async def test_what_comes_after_an_older_copy_of_the_log_was_put_back_is_projected(database, projector_of):
    raws = interleaved(walks(seed=51, count=40))
    first = projector_of(Recorded(raws))
    await until_projected(first)
    await first.close()
    older = raws[: len(raws) // 2]
    late = Walk(random.Random(7), at=NOW).submit()
    older.append(stored(late.events[0], len(older) + 1))

    async def bounds():
        return 1, older[-1].sequence

    again = projector_of(Recorded(older), bounds=bounds)
    await until_projected(again)

    assert await database.ask("select 1 from executions where id = $1", late.state.id)
    assert again.position == older[-1].sequence


async def test_what_an_older_copy_or_a_hole_lacks_is_named(connection, projector_of):
    raws = interleaved(walks(seed=52, count=40))
    await until_projected(projector_of(Recorded(raws)))
    rng = random.Random(1)

    assert await losses(connection, Recorded(raws), SOURCE, 1) == []
    for cut in rng.sample(range(1, len(raws)), 3):
        assert named(await losses(connection, Recorded(raws[:cut]), SOURCE, 1)) == places(raws[cut:])
    for hole in rng.sample(range(len(raws)), 3):
        left = [raw for raw in raws if raw is not raws[hole]]
        assert named(await losses(connection, Recorded(left), SOURCE, 1)) == places([raws[hole]])


async def test_what_was_purged_is_not_lost(connection, projector_of):
    raws = interleaved(walks(seed=53, count=40))
    await until_projected(projector_of(Recorded(raws)))
    first = len(raws) // 3

    assert await losses(connection, Recorded(raws[first:]), SOURCE, first + 1) == []


async def test_a_rebuild_keeps_what_the_log_has_lost(database, projector_of):
    raws = interleaved(walks(seed=54, count=40))
    await until_projected(projector_of(Recorded(raws)))
    left = Log(events=Recorded(raws[: len(raws) // 2]), source=SOURCE, first_sequence=1)
    await rebuild(database._url, left, NOW)

    events = "select count(*) from events"
    assert (await database.ask(events))[0][0] == len(raws)


class Store:
    """EVENTS on a real server, whose files are damaged while it is stopped."""

    def __init__(self, server, projector_of, postgres):
        self.server, self.projector_of, self.postgres = server, projector_of, postgres
        self.walks = []

    async def opened(self):
        connection = await connect(self.server.url, "test", on_closed=lambda: None)
        await ensure(connection)
        return connection, Bus(connection)

    async def where(self, connection):
        now = await streams.state(connection)
        return Source(subjects.EVENTS, now.incarnation), now.first_sequence, now.last_sequence

    async def fill(self, seed, count):
        connection, bus = await self.opened()
        made = walks(seed=seed, count=count, longest=12)
        for walk in made:
            await append(bus, walk)
        self.walks += made
        source, _, _ = await self.where(connection)
        projector = self.projector_of(bus.events, source=source)
        await until_projected(projector)
        await projector.close()
        await self.close(connection, bus)

    @staticmethod
    async def close(connection, bus):
        await bus.config.close()
        bus.events.close()
        await connection.close()

    def folder(self):
        return self.server.folder / self.server.name

    def blocks(self):
        return sorted(self.folder().rglob(f"{subjects.EVENTS}/msgs/*.blk"))

    async def found_and_mended(self):
        """What is found lost, and what is after it was mended."""
        connection, bus = await self.opened()
        source, first, _ = await self.where(connection)
        found = await losses(self.postgres, bus.events, source, first)
        became = await mend(self.postgres, bus.events, found, new_id, NOW)
        left = await losses(self.postgres, bus.events, source, first)
        states = {}
        for walk in self.walks:
            try:
                log = await bus.events.read("default", walk.state.id)
                states[walk.state.id] = log and (log.execution.status, log.execution.output)
            except BrokenLog as error:
                states[walk.state.id] = str(error)
        await self.close(connection, bus)
        right = {walk.state.id: (walk.state.status, walk.state.output) for walk in self.walks}
        return found, became, left, {id: is_ for id, is_ in states.items() if is_ != right[id]}


@pytest.fixture
def store(nats_server, projector_of, connection):
    return Store(nats_server, projector_of, connection)


@pytest.mark.parametrize("prefixes", [1, pytest.param(50, marks=pytest.mark.slow)])
async def test_an_older_copy_of_the_streams_is_found_named_and_mended(store, tmp_path, prefixes):
    rng = random.Random(prefixes)
    for place in range(prefixes):
        await store.fill(seed=60 + place, count=6)
        store.server.stop()
        copy = tmp_path / f"copy-{place}"
        shutil.copytree(store.folder(), copy)
        store.server.start()
        known = len(store.walks)
        await store.fill(seed=1060 + place, count=rng.randint(1, 5))
        store.server.stop()
        shutil.rmtree(store.folder())
        shutil.copytree(copy, store.folder())
        store.server.start()

        found, became, left, wrong = await store.found_and_mended()

        lost = {(walk.state.id, event.n) for walk in store.walks[known:] for event in walk.events}
        assert named(found) == lost
        assert all(one.whole for one in became)
        assert (left, wrong) == ([], {})


async def test_what_was_open_when_the_log_was_deleted_is_named_and_mended(store):
    await store.fill(seed=70, count=12)
    connection, bus = await store.opened()
    await call(connection, f"STREAM.DELETE.{subjects.EVENTS}")
    await store.close(connection, bus)

    found, became, left, wrong = await store.found_and_mended()

    opened = [walk for walk in store.walks if not walk.state.ended]
    assert named(found) == {(walk.state.id, event.n) for walk in opened for event in walk.events}
    assert opened
    assert all(one.whole for one in became)
    assert left == []
    # Those have ended: Postgres answers for them.
    assert wrong == {walk.state.id: None for walk in store.walks if walk.state.ended}


@pytest.mark.parametrize("flips", [1, pytest.param(20, marks=pytest.mark.slow)])
async def test_a_flipped_bit_in_a_block_is_found_named_and_mended(store, tmp_path, flips):
    rng = random.Random(flips)
    told = defaultdict(int)
    await store.fill(seed=160, count=20)
    store.server.stop()
    shutil.copytree(store.folder(), tmp_path / "whole")
    for _ in range(flips):
        shutil.rmtree(store.folder())
        shutil.copytree(tmp_path / "whole", store.folder())
        block = rng.choice(store.blocks())
        data = bytearray(block.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        block.write_bytes(data)
        store.server.start()

        found, became, left, wrong = await store.found_and_mended()

        told[len(found)] += 1
        assert found, "a flipped bit was not noticed"
        assert all(one.whole for one in became), became
        assert (left, wrong) == ([], {})
        store.server.stop()
    print("events lost by a flipped bit: times", dict(told))


async def test_the_service_counts_what_is_lost(database, connection, projector_of):
    raws = interleaved(walks(seed=55, count=20))
    await until_projected(projector_of(Recorded(raws)))
    metrics = Metrics()

    async def where():
        return SOURCE, 1, len(raws) - 7

    scrubber = Scrubber(Leader(database, "scrubbing"), Recorded(raws[:-7]), where, metrics)
    await scrubber.run_once(NOW)

    assert "onward_log_lost_events 7" in metrics.render()
