"""The family keeper, late: what it hears of a parent's end is older than what the parent has become."""

import asyncio

import pytest

from onward.bus import kin
from onward.bus.family import FamilyKeeper
from onward.contract import events as ev
from onward.contract import family
from onward.contract.execution import Status
from onward.contract.lifecycle import fold
from onward.contract.log import Decision, Log
from onward.testing.bus import MemoryBus
from tests.support.builders import PROJECT, event, events, moment, stored

LIFE = events(ev.Submitted, ev.Started, ev.ChildrenSpawned, (ev.Failed, {"orphans": 2}))
SPAWNED, FAILED = LIFE[2], LIFE[3]


@pytest.fixture
def process():
    return MemoryBus().process("keeper")


async def store(process, *made):
    before = await process.events.read(PROJECT, made[0].execution_id)
    decision = Decision(
        project=PROJECT,
        execution_id=made[0].execution_id,
        expected=before.sequence if before else 0,
        events=made,
    )
    await process.events.append(decision)


async def born(process):
    """Its children, begun while the parent lived."""
    children = family.child_events(SPAWNED, fold(LIFE[:3]), moment())
    for child in children:
        await kin.create(process.events, child)
    return [child.execution_id for child in children]


async def take(process, told):
    keeper = FamilyKeeper(process.events, process.messages, moment, asyncio.ensure_future)
    if (act := keeper.take(told)) is not None:
        await act


async def statuses(process, ids):
    return [(await process.events.read(PROJECT, one)).execution.status for one in ids]


async def test_f3_children_that_a_later_life_has_forgotten_are_stopped_all_the_same(process):
    children = await born(process)
    await store(process, *LIFE, event(ev.RetryRequested, 5, fresh=True))

    await take(process, FAILED)

    assert await statuses(process, children) == [Status.CANCELLED] * 2


async def test_f3_children_that_a_later_life_counts_on_go_on(process):
    children = await born(process)
    await store(process, *LIFE, event(ev.RetryRequested, 5))

    await take(process, FAILED)

    assert await statuses(process, children) == [Status.PENDING] * 2


async def test_f3_a_child_that_a_later_life_has_revived_is_not_stopped_for_an_earlier_one(process):
    revived, _ = await born(process)
    child = await process.events.read(PROJECT, revived)
    ended = await kin.stop(process.events, process.messages, child, moment(), "parent_ended", life=1)
    parent = Log.of(stored([*LIFE, event(ev.RetryRequested, 5)]))
    again = await kin.revive(process.events, ended, parent.execution, moment())

    after = await kin.stop(process.events, process.messages, again, moment(), "parent_ended", life=1)

    assert (after.execution.status, after.execution.lives) == (Status.PENDING, 2)


async def test_f1_a_child_that_is_created_in_place_of_its_parents_worker_is_asked_about(process):
    await store(process, *LIFE[:3])

    async def permit(first):
        return ev.Failure(type="policy_denied", message="no") if first.child_of.index == 1 else None

    keeper = FamilyKeeper(
        process.events, process.messages, moment, asyncio.ensure_future, repair_after=0.0, permit=permit
    )
    keeper.hear(SPAWNED)
    async with asyncio.timeout(20):
        while keeper.repaired < 2:
            await asyncio.sleep(0.01)

    children = [child.execution_id for child in family.child_events(SPAWNED, fold(LIFE[:3]), moment())]
    assert await statuses(process, children) == [Status.PENDING, Status.FAILED]
