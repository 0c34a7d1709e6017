"""Plans over a small population: no list reads all executions. `python -m bench.million` measures a large one."""

import asyncio
import random

import asyncpg
import msgspec
import pytest

from bench import million, population
from onward_execution_state.analytics.counting import MINUTES_KEPT, count
from onward_execution_state.database import Database
from onward_execution_state.listing import ListQuestion, asked_of
from tests.live.execution_state.conftest import migrated

SIZE = 12_000
FILTERS = million.lists(random.Random(3))


@pytest.fixture(scope="module")
def populated(postgres):
    url = postgres.new_database()

    async def fill():
        await (await migrated(url)).close()
        connection = await Database(url).writer(durable=False)
        await population.fill(connection, SIZE)
        while await count(connection, 10_000, population.END - MINUTES_KEPT):
            pass
        await connection.execute("vacuum analyze")
        await connection.close()

    asyncio.run(fill())
    return url


def read_in(plan):
    """How many rows of executions a plan has read, and whether from one end to the other."""
    rows = plan.get("Actual Rows", 0) + plan.get("Rows Removed by Filter", 0)
    of_executions = plan.get("Relation Name", "").startswith("executions")
    here = rows * plan.get("Actual Loops", 1) if of_executions else 0
    whole = plan["Node Type"] == "Seq Scan" and of_executions
    inner = [read_in(each) for each in plan.get("Plans", [])]
    return here + sum(rows for rows, _ in inner), whole or any(each for _, each in inner)


@pytest.mark.parametrize("name", FILTERS)
async def test_a_page_is_found_without_reading_all_executions(populated, name):
    database = Database(populated)
    question = msgspec.json.encode({"project": population.PROJECT, "limit": 50, **FILTERS[name]})
    asked = await asked_of(database, msgspec.json.decode(question, type=ListQuestion))
    connection = await asyncpg.connect(populated)
    # A list of so few executions is cheap either way: as if there were more of them.
    await connection.execute("set plan_cache_mode = force_custom_plan; set enable_seqscan = off")

    told = await connection.fetchval(f"explain (analyze, format json) {asked.statement}", *asked.arguments)

    await connection.close()
    await database.close()
    rows, whole = read_in(msgspec.json.decode(told)[0]["Plan"])
    assert not whole
    assert rows < SIZE / 3
