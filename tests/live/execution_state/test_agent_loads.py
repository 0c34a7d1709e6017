"""Open executions are counted by agent, in Postgres."""

import random

import msgspec

from onward_execution_state.agent_loads import LoadsAnswers
from tests.live.execution_state.conftest import until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import Walk, interleaved


async def test_the_open_executions_of_each_agent_are_counted(database, projector_of):
    rng = random.Random(3)
    made = [Walk(rng).submit(agent_id=agent) for agent in ("ann", "ann", "bob", None)]
    made += [
        Walk(rng).submit(agent_id="ann").claim().complete(),
        Walk(rng, project="other").submit(agent_id="ann"),
    ]
    await until_projected(projector_of(Recorded(interleaved(made))))

    told = await LoadsAnswers(database).loads(msgspec.json.encode({"project": "default"}))

    assert told == {"ann": 2, "bob": 1}
