import asyncio

import asyncpg
import msgspec
import pytest

from onward.contract.errors import Misconfigured
from onward_execution_state.analytics.sketch import unpacked
from onward_execution_state.database import Database
from onward_execution_state.migrate import Migration, migrate, migrations
from tests.live.execution_state.conftest import NOW


@pytest.fixture
async def connection(database_url):
    opened = await Database(database_url).writer(durable=True)
    yield opened
    await opened.close()


async def test_each_migration_is_applied_once(connection):
    assert await migrate(connection, NOW) == [step.version for step in migrations()]

    assert await migrate(connection, NOW) == []


async def test_a_migration_that_was_changed_after_it_was_applied_is_refused(connection):
    await migrate(connection, NOW)
    changed = [msgspec.structs.replace(migrations()[0], statements="select 1"), *migrations()[1:]]

    with pytest.raises(Misconfigured, match="was changed"):
        await migrate(connection, NOW, changed)


async def test_a_migration_that_fails_leaves_nothing_behind(connection):
    broken = Migration(1, "broken", "create table half (id int); create table half (id int);")

    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(connection, NOW, [broken])

    assert await connection.fetchval("select to_regclass('half')") is None
    assert await migrate(connection, NOW) == [step.version for step in migrations()]


async def test_several_replicas_that_start_at_once_migrate_once(database_url):
    connections = [await Database(database_url).writer(durable=True) for _ in range(4)]

    applied = await asyncio.gather(*(migrate(each, NOW) for each in connections))

    assert sorted(applied, key=len) == [[], [], [], [step.version for step in migrations()]]
    for each in connections:
        await each.close()


@pytest.mark.parametrize(
    "change",
    [
        "status = 'sleeping'",
        "status = 'completed'",
        "outcome = 'failed'",
        "worker_id = 'wk'",
        "version = 0",
        "priority = 10",
        "status = 'completed', outcome = 'completed', completed_at = now(), ready = true",
    ],
)
async def test_a_row_that_contradicts_itself_is_refused(connection, change):
    await migrate(connection, NOW)
    await connection.execute(
        "insert into executions (id, project, version, sequence, base_sequence, status, ready, task, queue, route,"
        " priority, labels, source, attempt, max_attempts, created_at, updated_at, retention, month, state)"
        " values (gen_random_uuid(), 'p', 1, 1, 1, 'pending', true, 't', 'q', 'q.normal', 5, '{}', 'api', 0, 1,"
        " now(), now(), 'open', '9999-01-01', '')"
    )

    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(f"update executions set {change}")


async def test_sketches_that_were_stored_as_arrays_say_the_same_once_they_are_packed(connection):
    steps = migrations()
    before = [step for step in steps if step.version < 26]
    await migrate(connection, NOW, before)
    for rollups in ("rollups", "onward_outlived.rollups"):
        await connection.execute(
            f"insert into {rollups} (kind, grain, at, outcome, count, waits, wait_sum, wait_slots, wait_counts,"
            " durations, duration_sum, duration_slots, duration_counts)"
            " values (7, 60, now(), 'failed', 3, 3, 9, '{700,1,255}', '{1,70000,2147483647}', 0, 0, '{}', '{}')"
        )

    await migrate(connection, NOW, steps)

    for rollups in ("rollups", "onward_outlived.rollups"):
        row = await connection.fetchrow(f"select * from {rollups}")
        assert unpacked(row["wait_slots"], row["wait_counts"]) == {700: 1, 1: 70_000, 255: 2**31 - 1}
        assert unpacked(row["duration_slots"], row["duration_counts"]) == {}
