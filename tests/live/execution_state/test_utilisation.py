"""Utilisation in Postgres: each count of a worker is added once, whoever adds it and whatever it missed."""

from datetime import timedelta

import msgspec
import pytest

from onward.contract.submission import Heartbeat
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.utilising import Utilising
from onward_execution_state.slot_counts import SlotCounts
from onward_execution_state.utilisation import UtilisationAnswers
from tests.unit.onward_execution_state.histories import START

BEGAN = START.replace(second=0, microsecond=0)


@pytest.fixture
async def replica(database):
    """Makes replicas that add what they heard; only one leads at a time."""
    leaders = []

    def make():
        leaders.append(Leader(database, "utilising"))
        heard = SlotCounts()
        return heard, Utilising(heard, leaders[-1]), leaders[-1].close

    yield make
    for leader in leaders:
        await leader.close()


def beat(seconds: float, worker_id: str = "w1", **busy: int) -> Heartbeat:
    return Heartbeat(
        worker_id=worker_id, project=worker_id, connection="c", host="h", pid=1, version="1", queues=tuple(busy),
        tasks=(), slots=4, started_at=BEGAN, at=BEGAN, available=int(seconds * 4000), busy=busy,
    )  # fmt: skip


def at(seconds: float):
    return BEGAN + timedelta(seconds=seconds)


async def asked(database, by: str, project: str = "w1", **span):
    data = msgspec.json.encode({"project": project, "by": by, "since": at(0), "until": at(180), **span})
    found = await UtilisationAnswers(database, lambda: at(180)).utilisation(data)
    return {one.name: (one.busy_ms, one.available_ms, one.utilisation) for one in found.items}


async def test_seed_utilisation_is_used_slot_time_over_the_slot_time_there_was(database, replica):
    heard, utilising, _ = replica()
    for second in range(1, 121):
        heard.hear(beat(second, default=second * 1000, gpu=second * 2000), at(second))
        if second % 5 == 0:
            await utilising.run_once(at(second))

    assert await asked(database, "worker") == {"w1": (360_000, 480_000, 0.75)}
    assert await asked(database, "queue") == {
        "default": (120_000, 480_000, 0.25), "gpu": (240_000, 480_000, 0.5),
    }  # fmt: skip
    assert await asked(database, "all", until=at(60)) == {"": (180_000, 240_000, 0.75)}


async def test_what_two_replicas_heard_is_added_once_also_when_one_takes_over(database, replica):
    (one_heard, one, ends), (two_heard, two, _) = replica(), replica()
    for second in (1, 2, 3):
        for heard in (one_heard, two_heard):
            heard.hear(beat(second, "w2", default=second * 1000), at(second))
    await one.run_once(at(3))
    assert await two.run_once(at(3)) == 0
    await ends()
    two_heard.hear(beat(9, "w2", default=5000), at(9))

    await two.run_once(at(9))
    await two.run_once(at(10))

    assert await asked(database, "worker", "w2") == {"w2": (5_000, 36_000, pytest.approx(5 / 36))}
