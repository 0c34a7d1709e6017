"""Rows lie by class and month; each in one place only, and an installation from before has kept all of its own."""

import random
from datetime import UTC, datetime

import pytest

from onward_execution_state.database import Database
from onward_execution_state.migrate import migrate, migrations
from tests.live.execution_state.conftest import NOW, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.live.execution_state.tables import contents
from tests.unit.onward_execution_state.histories import Walk, stored

SEPTEMBER = datetime(2026, 9, 30, 23, 59, tzinfo=UTC)


def life(seed, retention="default", at=SEPTEMBER):
    return Walk(random.Random(seed), at=at).submit(retention=retention).claim().step().complete()


async def places(database, table="executions", key="id"):
    found = await database.ask(f"select {key}::text as id, retention, month::text from {table}")
    return sorted((row["id"], row["retention"], row["month"]) for row in found)


async def test_an_execution_moves_from_the_open_ones_to_its_class_and_month(database, projector_of):
    walk = life(1, "long")
    raws = [stored(event, n) for n, event in enumerate(walk.events, 1)]
    log = Recorded(raws[:-1])
    projector = projector_of(log)
    await until_projected(projector)
    assert [place[1:] for place in await places(database)] == [("open", "9999-01-01")]

    log.raws.append(raws[-1])
    await until_projected(projector)

    month = f"{walk.state.updated_at:%Y-%m-01}"
    assert await places(database) == [(walk.state.id, "long", month)]
    assert {place[1] for place in await places(database, "events", "execution_id")} == {"long"}


@pytest.mark.parametrize("seed", range(6))
async def test_j1_no_order_of_events_leaves_an_execution_in_two_places(database, projector_of, seed):
    """Some come doubled, some before what tells their class, in batches of any size."""
    rng = random.Random(seed)
    made = [life(n, rng.choice(["short", "default", "long", "hold"])) for n in range(30)]
    events = [event for walk in made for event in walk.events]
    came = rng.sample(events, len(events)) + rng.sample(events, len(events) // 2)
    raws = [stored(event, n) for n, event in enumerate(came, 1)]

    await until_projected(projector_of(Recorded(raws), most=rng.randint(3, 40)))

    expected = sorted(
        (walk.state.id, walk.state.retention, f"{walk.state.updated_at:%Y-%m-01}") for walk in made
    )
    assert await places(database) == expected
    classes = {walk.state.id: walk.state.retention for walk in made}
    filed = await places(database, "events", "execution_id")
    assert len(filed) == len(events)
    assert all(retention == classes[execution_id] for execution_id, retention, _ in filed)


async def test_rows_from_before_are_all_there_after_the_migration(database_url):
    """Filled as release 18 of the schema did, migrated in place, and listed."""
    connection = await Database(database_url).writer(durable=True)
    await migrate(connection, NOW, [step for step in migrations() if step.version <= 18])
    await connection.execute(BEFORE)

    await migrate(connection, NOW)

    found = Database(database_url)
    assert [place[1:] for place in await places(found)] == [
        ("default", "2026-02-01"), ("open", "9999-01-01"), ("default", "2026-03-01"),
    ]  # fmt: skip
    assert [row[:2] for row in (await contents(found, "events"))["events"]] == [
        (row["id"], 1) for row in await found.ask("select id from executions order by id")
    ]
    ends = await connection.fetch("select id, retention, month::text from ends order by id")
    assert [tuple(row.values()) for row in ends] == [
        (7, "default", "2026-02-01"),
        (9, "default", "2026-03-01"),
    ]
    assert await connection.fetchval("select nextval('ends_order')") == 10
    await connection.close()
    await found.close()


BEFORE = """
insert into executions (id, project, version, sequence, base_sequence, status, ready, task, queue, route, priority,
    labels, source, attempt, max_attempts, created_at, updated_at, completed_at, outcome, state)
select ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'p', 1, n, n, coalesce(outcome, 'pending'), outcome is null,
       't', 'q', 'q.normal', 5, '{}', 'api', 0, 1, at, at,
       case when outcome is null then null else at end, outcome, '{}'
  from (values (1, 'failed', timestamptz '2026-02-28 23:59:59+00'), (2, null, '2026-02-01 00:00:00+00'),
               (3, 'completed', '2026-03-01 00:00:00+00')) as made (n, outcome, at);
insert into events (execution_id, n, project, sequence, type, at, body)
select id, 1, 'p', sequence, 'submitted', created_at, '{}' from executions;
insert into ends (id, execution_id, n, at, kind, outcome) overriding system value
select sequence + 6, id, 1, updated_at, 5, outcome
  from executions where outcome is not null;
"""
