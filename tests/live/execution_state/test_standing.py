"""How many come before an execution, and how fast they start: counted in Postgres."""

import random
from datetime import timedelta

import msgspec
import pytest

from onward.contract.explain import Standing
from onward.process.metrics import Metrics
from onward_execution_state.project import Projector
from onward_execution_state.standing import StandingAnswers
from tests.live.execution_state.conftest import SOURCE, until_projected
from tests.live.execution_state.recorded import Recorded
from tests.unit.onward_execution_state.histories import START, Walk, interleaved

LATER = START + timedelta(seconds=60)


class OneClass(random.Random):
    """All have the same priority."""

    def randint(self, _low, _high):
        return 5


def submitted(rng, second, **fields):
    return Walk(rng, at=START + timedelta(seconds=second)).submit(queue="line", **fields)


@pytest.fixture
async def line(database):
    """Ten in a line, of which the first four have started; another queue, and a paused one, beside it."""
    rng = OneClass(7)
    walks = [submitted(rng, place) for place in range(10)]
    for walk in walks[:4]:
        walk.claim()
    other = Walk(rng, at=START).submit(queue="other")

    async def source():
        return SOURCE

    made = [*walks, other]
    projector = Projector(Recorded(interleaved(made)), database, source, Metrics(), pace_seconds=0)
    await until_projected(projector)
    await projector.close()
    return walks


async def standing(database, walk, sequence):
    asked = {
        "project": "default", "id": walk.state.id, "route": walk.state.route, "sequence": sequence,
        "created_at": walk.state.created_at,
    }  # fmt: skip
    told = await StandingAnswers(database, lambda: LATER).standing(msgspec.json.encode(asked))
    return msgspec.convert(told, Standing)


async def test_seed_pending_shows_how_many_come_first_and_at_which_pace_they_start(database, line):
    found = await standing(database, line[-1], 10_000)

    assert found.ahead == 5
    first = min(walk.state.first_started_at for walk in line[:4])
    assert found.per_second == pytest.approx(4 / (LATER - first).total_seconds())


async def test_the_first_in_line_has_nobody_ahead(database, line):
    assert await standing(database, line[4], 1) == Standing(ahead=0, per_second=None)
