"""Large values that nothing refers to go, and no other: what a crash between storing and appending leaves behind."""

import os
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.bus import strays, streams
from onward.bus.values import Values
from onward.contract import ids, subjects, values
from onward.process.loop import MORE
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.life import life_of_events
from onward_execution_state.maintenance.sweeping import GRACE, Sweeper
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.making import append
from tests.unit.onward_execution_state.histories import Walk

LATER = GRACE + timedelta(minutes=1)


class Room:
    """A sweeper over real servers."""

    def __init__(self, bus, database, projector, source):
        self.bus, self.projector = bus, projector
        self.leader = Leader(database, "sweeping")
        self.sweeper = Sweeper(
            leader=self.leader, connection=bus.connection, source=source, metrics=Metrics()
        )

    async def keep(self, execution_id):
        """A large value of this execution, stored as its process would before the append."""
        raw = msgspec.Raw(msgspec.json.encode(os.urandom(150_000).hex()))
        kept = await Values(self.bus.objects).keep("default", execution_id, raw, "/input")
        return kept, values.referred(kept).object

    async def there(self, *names):
        return [await strays.entry(self.bus.connection, name) is not None for name in names]

    async def sweep(self, ahead=LATER):
        while (swept := await self.sweeper.run_once(datetime.now(UTC) + ahead)) is MORE:
            pass
        return swept


@pytest.fixture
async def room(bus, database, projector_of):
    source = await life_of_events(bus.connection, lambda: 0.0)()
    made = Room(
        bus, database, projector_of(bus.events, source=source), life_of_events(bus.connection, lambda: 0.0)
    )
    yield made
    await made.leader.close()


def walk(seed=1):
    return Walk(random.Random(seed), at=datetime.now(UTC))


async def test_what_no_event_refers_to_goes_after_a_day_and_what_one_refers_to_stays(room):
    done = walk(1)
    used, used_name = await room.keep(done._id)
    done.submit(input=used).claim().complete()
    _, lost_the_fence = await room.keep(done._id)
    _, never_appended = await room.keep(ids.new_id(1_700_000_000_000, os.urandom(10)))
    await append(room.bus, done)
    await until_projected(room.projector)

    assert (await room.sweep(GRACE - timedelta(minutes=1))).values == 0
    assert await room.there(used_name, lost_the_fence, never_appended) == [True, True, True]

    await room.sweep()
    assert await room.there(used_name, lost_the_fence, never_appended) == [True, False, False]
    assert bytes(await Values(room.bus.objects).whole("default", done._id, used)) != b""


async def test_an_upload_that_broke_off_goes_and_one_under_way_stays(room):
    done = walk(1)
    used, used_name = await room.keep(done._id)
    await append(room.bus, done.submit(input=used))
    await until_projected(room.projector)
    in_use = await strays.entry(room.bus.connection, used_name)
    old, young = (
        ids.new_id(int((datetime.now(UTC) + age).timestamp() * 1000), os.urandom(10))
        for age in (timedelta(), LATER)
    )
    for upload in (old, young):
        await room.bus.connection.request(subjects.object_chunks(upload), b"the first chunk")

    assert (await room.sweep()).uploads == 1
    assert await strays.uploads(room.bus.connection) == {in_use.upload, young}


async def test_a_database_that_does_not_know_all_events_removes_nothing(room):
    _, name = await room.keep(walk(1)._id)
    await append(room.bus, walk(2).submit())

    swept = await room.sweep()
    assert swept.held_by == "the projection"
    assert await room.there(name) == [True]

    await until_projected(room.projector)
    await streams.purge_to(room.bus.connection, 1)
    assert (await room.sweep()).held_by == "a database that has not seen what was purged"
    assert await room.there(name) == [True]
