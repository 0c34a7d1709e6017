"""An older Postgres beside a newer log: it catches up by itself, and what the log holds no more is named."""

import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest

from onward.bus import streams
from onward.contract import subjects
from onward.process.metrics import Metrics
from onward_execution_state.database import Database
from onward_execution_state.leader import Leader
from onward_execution_state.life import life_of_events
from onward_execution_state.losses import Scrubber
from onward_execution_state.missed import LossAnswers
from onward_execution_state.rebuild import Log, rebuild, verify
from onward_execution_state.store import Source
from tests.live.execution_state.conftest import migrated, until_projected
from tests.live.execution_state.making import append
from tests.live.execution_state.retaining import OLD, World
from tests.live.execution_state.tables import digest
from tests.unit.onward_execution_state.histories import Walk


class Copies:
    """One EVENTS on a real server, and copies of Postgres from different moments."""

    def __init__(self, bus, postgres, projector_of):
        self.bus, self.postgres, self._projector_of = bus, postgres, projector_of
        self._opened = []

    async def first(self):
        return await self._open(migrated(self.postgres.new_database()))

    async def _open(self, opening):
        database = await opening
        self._opened.append(database)
        return database

    async def copy_of(self, database):
        """As a backup that was put back; nobody may be connected to what it is made of."""
        await database.close()
        name = database._url.rpartition("/")[2]
        copy = Database(self.postgres.new_database(name))
        self._opened += [copy, again := Database(database._url)]
        return copy, again

    @contextlib.asynccontextmanager
    async def world(self, database):
        """The projection and retention over it."""
        life = life_of_events(self.bus.connection, lambda: 0.0)
        projector = self._projector_of(
            self.bus.events, source=await life(), into=database, bounds=self.bus.events.bounds
        )
        made = World(self.bus, database, projector, life)
        try:
            yield made
        finally:
            await made.leader.close()
            await projector.close()

    async def now(self):
        state = await streams.state(self.bus.connection)
        return Source(subjects.EVENTS, state.incarnation), state.first_sequence, state.last_sequence

    async def log(self):
        source, first, _ = await self.now()
        return Log(events=self.bus.events, source=source, first_sequence=first)

    async def close(self):
        for database in self._opened:
            await database.close()


@pytest.fixture
async def copies(bus, postgres, projector_of):
    made = Copies(bus, postgres, projector_of)
    yield made
    await made.close()


def walk(seed, ago=OLD):
    return Walk(random.Random(seed), at=datetime.now(UTC) - ago)


async def told(database):
    return {loss.kind: loss for loss in await LossAnswers(database).losses(b'{"project":"default"}')}


async def test_an_older_postgres_catches_up_by_itself_and_equals_a_rebuild(copies):
    newest = await copies.first()
    on, over = walk(1).submit().claim().step("one"), walk(2).submit().claim().complete()
    async with copies.world(newest) as world:
        await world.stored(on, over)
    older, newest = await copies.copy_of(newest)
    async with copies.world(newest) as world:
        done, expected = len(on.events), 3
        await append(copies.bus, on.step("two").complete(), done=done, expected=expected)
        await world.stored(*(walk(seed).submit().claim().complete() for seed in range(3, 20)))

    async with copies.world(older) as world:
        await until_projected(world.projector)

    assert await told(older) == {}
    assert await verify(older._url, await copies.log(), datetime.now(UTC)) == []
    caught_up = await digest(older)
    await rebuild(older._url, await copies.log(), datetime.now(UTC))
    assert caught_up == await digest(older) == await digest(newest)


async def test_what_was_purged_since_an_older_postgres_is_named_and_the_rest_goes_on(copies):
    newest = await copies.first()
    ended, on = walk(1).submit().claim(), walk(2).submit().claim().step("one")
    async with copies.world(newest) as world:
        await world.stored(ended, on)
    older, newest = await copies.copy_of(newest)
    unseen = walk(3).submit().claim().complete()
    async with copies.world(newest) as world:
        await append(copies.bus, ended.complete(), done=2, expected=2)
        await world.stored(unseen)
        await world.purge()
    recent = walk(4, timedelta(minutes=1)).submit()

    async with copies.world(older) as world:
        await world.stored(recent)
        scrubber = Scrubber(Leader(older, "scrubbing"), copies.bus.events, copies.now, Metrics())
        await scrubber.run_once(datetime.now(UTC))
        found = await told(older)
        # What has lost its end holds up nothing: it would take the place of what can be carried.
        kept = await world.purge(world.retention(at_once=1))

    assert (
        found["range"]
        .first[0]
        .endswith("events 6 to 9 were purged before Postgres had them: an older copy of it was put back")
    )
    assert [loss.partition(":")[0] for loss in found["end"].first] == [ended.state.id]
    assert set(found) == {"range", "end"}
    rows = {str(row["id"]): row["status"] for row in await older.ask("select id, status from executions")}
    assert rows == {ended.state.id: "running", on.state.id: "running", recent.state.id: "pending"}
    assert kept.held_by is None
    assert await told(newest) == {}
