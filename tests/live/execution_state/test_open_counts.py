"""What waits and what runs is counted in Postgres, as a list would find it."""

import random

import msgspec

from onward_execution_state.open_counts import OpenCounts
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import Walk, interleaved


async def test_what_waits_and_what_runs_is_counted_for_a_filter(database, projector_of):
    rng = random.Random(5)
    made = [
        Walk(rng).submit(queue="pdf"),
        Walk(rng).submit(queue="pdf").claim(),
        Walk(rng).submit(queue="pdf").claim().complete(),
        Walk(rng).submit(queue="mail"),
        Walk(rng, project="other").submit(queue="pdf"),
    ]
    await until_projected(projector_of(Recorded(interleaved(made))))

    told = await OpenCounts(database).counts(msgspec.json.encode({"project": "default", "queue": "pdf"}))

    assert (told["pending"].count, told["running"].count) == (1, 1)
    assert told["pending"].oldest is not None
    everything = await OpenCounts(database).counts(msgspec.json.encode({"project": "default"}))
    assert (everything["pending"].count, everything["running"].count) == (2, 1)
