import pytest

from onward_execution_state import statements
from onward_execution_state.rebuild import FRESH
from tests.live.execution_state.conftest import migrated

SEVERAL = {"take_place", "look_at", "kinds_of", "held_there"}
"""Not one statement but several in one transaction, or with the name of a table to come: run by other tests."""


@pytest.mark.parametrize("file", statements.all_files())
async def test_every_statement_prepares_on_the_migrated_schema(database, file):
    connection = await database.writer(durable=True)
    if file == "rebuild.sql":
        await connection.execute(f"create schema {FRESH}")
        await (await migrated(database._url, schema=FRESH)).close()
    found = statements.load(file)
    assert found
    if file == "losses.sql":
        await connection.execute(found["begin"])

    for name in found.keys() - SEVERAL:
        await connection.prepare(found[name])

    await connection.close()
