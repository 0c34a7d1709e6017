"""Children over a real server: the family keeper and the workers together."""

import pytest

from onward import Registry
from onward.contract.execution import Status
from tests.support.without_postgres import without_postgres

registry = Registry()


@registry.task
async def double(number: int) -> int:
    return 2 * number


@registry.task
async def one(number: int) -> int:
    return await double.run(number)


@registry.task
async def many(count: int) -> int:
    return sum(await double.map(range(count)))


@pytest.fixture
async def family(patient_shop, bus, nats_server, monkeypatch):
    """Two workers with ten slots each, and the family keeper."""
    monkeypatch.setattr("tests.live.worker.workers.Worker._tasks", lambda _: registry)
    async with without_postgres(bus, nats_server):
        for name in ("one", "two"):
            await patient_shop.worker(name, slots=10)
        yield patient_shop


@pytest.mark.parametrize(
    "task, input, output", [("one", {"number": 21}, b"42"), ("many", {"count": 200}, b"39800")]
)
async def test_a_parent_gets_what_its_children_return(family, task, input, output):
    parent = await family.submit(task, **input)
    state = await family.until(parent, lambda state: state.ended)
    assert (state.status, bytes(state.output)) == (Status.COMPLETED, output)
