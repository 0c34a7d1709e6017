"""G3 for the projection: Postgres is gone at its k-th statement, for all k; the tables are those of an even run."""

import asyncio

import pytest
from msgspec.json import encode

from onward_execution_state.store import Source
from tests.live.execution_state.conftest import NOW, until_projected
from tests.live.execution_state.dying import DyingDatabase
from tests.live.execution_state.recorded import Recorded
from tests.live.execution_state.tables import contents
from tests.unit.onward_execution_state.histories import interleaved, walks

BATCH = 12


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_projection_cut_off_at_any_of_its_statements_leaves_equal_tables(
    database, migrated_url, projector_of, after
):
    k = died = 0
    while died == k:
        k += 1
        made = walks(seed=k, count=3, longest=9)
        events = Recorded(interleaved(made, seed=k))
        dying = DyingDatabase(migrated_url, at=k, after=after)
        projector = projector_of(events, source=Source("ONWARD_EVENTS", f"life {k}"), into=dying, most=BATCH)
        async with asyncio.timeout(30):
            # The server may take a moment to see that who led is gone.
            while projector.position != len(events.raws):
                await projector.run_once(NOW)
        died += dying.died
        await projector.close()
        await dying.close()

        assert projector.position is None
        for walk in made:
            rows = await database.ask("select state from executions where id = $1", walk.state.id)
            told = await database.ask(
                "select body from events where execution_id = $1 order by n", walk.state.id
            )
            assert [row["state"] for row in rows] == [encode(walk.state)], f"statement {k}"
            assert len(told) == len(walk.events), f"statement {k}"
        assert await contents(database, "gaps", "event_quarantine") == {"gaps": [], "event_quarantine": []}

    assert died >= 20
    print(f"G3: {died} statements of the projection, cut {'after' if after else 'before'} each: 0 bad")
    before = await contents(database)
    for life in range(1, k + 1):
        raws = interleaved(walks(seed=life, count=3, longest=9), seed=life)
        again = projector_of(Recorded(raws), source=Source("ONWARD_EVENTS", f"once more {life}"))
        await until_projected(again)
        await again.close()
    assert await contents(database) == before
