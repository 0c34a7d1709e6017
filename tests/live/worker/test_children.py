"""Children over a real server: the family keeper and the workers together."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from onward import Registry
from onward.bus.family import FamilyKeeper
from onward.contract import commands, ids
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.execution import Status
from onward.worker.offspring import Offspring
from tests.live.bus.making import new_id
from tests.support.without_postgres import without_postgres

registry, ran = Registry(), []


@registry.task
async def double(number: int) -> int:
    ran.append(number)
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


def children_of(log):
    """The ids of all that its log has decided on."""
    (name, group), *_ = log.execution.groups.items()
    return [ids.child_id(log.execution.id, name, group.born, index) for index in range(group.spawned)]


@pytest.fixture
async def dying(shop, bus, nats_server, monkeypatch):
    """A worker that falls silent when it should create what it decided on; `revive` lets it go on from there."""
    monkeypatch.setattr("tests.live.worker.workers.Worker._tasks", lambda _: registry)
    ran.clear()
    create, doomed, alive = Offspring.create, [], asyncio.Event()

    async def dies_first(self, told):
        if self._events is doomed[0].bus.events:
            doomed[0].die()
            await alive.wait()
            doomed[0].revive()
        await create(self, told)

    monkeypatch.setattr(Offspring, "create", dies_first)
    async with without_postgres(bus, nats_server):
        doomed.append(await shop.worker("doomed", slots=10))
        yield shop, alive
        alive.set()


async def test_f1_children_whose_parents_worker_died_before_it_created_them_run_once_each(dying):
    shop, _ = dying
    parent = await shop.submit("many", count=40)
    await shop.until(parent, lambda state: bool(state.groups))
    await shop.worker("heir", slots=10)
    state = await shop.until(parent, lambda state: state.ended, timeout=20)
    assert (state.status, bytes(state.output)) == (Status.COMPLETED, b"1560")
    assert Counter(ran) == Counter(range(40))
    assert all(
        [(await shop.types(child))[-1] == "completed" for child in children_of(await shop.log(parent))]
    )


async def test_f2_each_end_is_told_once_though_three_keepers_hear_of_it(family, bus, nats_server):
    third = FamilyKeeper(
        bus.events, bus.messages, lambda: Moment(now=datetime.now(UTC), new_id=new_id), asyncio.create_task
    )
    async with without_postgres(bus, nats_server) as second:
        parent = await family.submit("many", count=150)
        await family.until(parent, lambda state: state.ended, timeout=20)
        log = await family.log(parent)
        for child in children_of(log):
            await (third.take((await family.log(child)).stored[-1].event) or asyncio.sleep(0))
        assert second.trouble is None
    log = await family.log(parent)
    told = [item.event for item in log.stored if isinstance(item.event, ev.ChildrenDone)]
    assert Counter(end.index for event in told for end in event.ends) == Counter(range(150))
    assert len(told) < 75


async def test_f3_a_zombie_creates_no_child_of_a_parent_that_was_cancelled(dying):
    shop, alive = dying
    parent = await shop.submit("many", count=40)
    await shop.until(parent, lambda state: bool(state.groups))
    await shop.command(parent, lambda state, moment: commands.cancel(state, moment, "enough"))
    await shop.worker("heir", slots=10)
    await shop.until(parent, lambda state: state.status is Status.CANCELLED, timeout=20)
    log = await shop.log(parent)
    for child in children_of(log):
        await shop.until_there(child)
    alive.set()
    await shop.until(await shop.submit("one", number=1), lambda state: state.ended, timeout=20)
    for child in children_of(log):
        assert await shop.types(child) == ["submitted", "cancelled"]
    assert ran == [1]
