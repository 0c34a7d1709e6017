"""What a parent may ask of many children, and what becomes of them when it needs them no more."""

import asyncio
from collections import Counter
from random import Random

import msgspec
import pytest

from onward import ChildFailed, Registry, Retry, sync
from onward.contract import commands, family
from onward.contract import events as ev
from onward.contract.errors import InvalidName
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

ONE_TRY = Retry(attempts=1)


class Item(msgspec.Struct):
    number: int
    seconds: float = 0.0


class World:
    """A registry with one leaf, a parent that a test gives, and what ran."""

    def __init__(self, **leaf) -> None:
        self.registry, self.ran, self.broken = Registry(), [], set()

        @self.registry.task(**{"retry": ONE_TRY, **leaf})
        async def leaf(item: Item) -> int:
            await asyncio.sleep(item.seconds)
            self.ran.append(item.number)
            if item.number in self.broken:
                raise ValueError(f"no {item.number}")
            return item.number

        self.leaf = leaf

    def run(self, parent, *, retry=ONE_TRY, then=None, **shop_options):
        """The parent's end, and what its shop holds after that."""
        self.registry.task(name="parent", retry=retry)(parent)

        async def main(_: Random):
            shop = Workshop(self.registry)
            await shop.worker("one", slots=20)
            execution = await shop.submit("parent")
            state = await shop.ended(execution, within=2000)
            await asyncio.sleep(300)
            if then is not None:
                return await then(shop, execution)
            return state, await children(shop, execution)

        return simulate(1, main)


async def children(shop, parent):
    """How its children stand, by group and place."""
    state = (await shop.log(parent)).execution
    found = {}
    for name, group in state.groups.items():
        for index in range(group.spawned):
            child = family.ids.child_id(parent, name, group.born, index)
            found[name, index] = (await shop.log(child)).execution.status
    return found


def out(state):
    assert state.status is Status.COMPLETED, state.error
    return msgspec.json.decode(state.output)


def items(count, seconds=0.0):
    return [Item(number, seconds) for number in range(count)]


def slower_and_slower(count):
    return [Item(number, 10.0 * number) for number in range(count)]


@pytest.mark.parametrize("tolerate", [2, 0.2])
def test_failed_children_that_are_tolerated_stand_in_the_list(tolerate):
    world = World()
    world.broken = {3, 7}

    async def parent() -> list[str]:
        found = await world.leaf.map(items(10), tolerate=tolerate)
        return [f"{one.type} {one.message}" if isinstance(one, ChildFailed) else str(one) for one in found]

    state, _ = world.run(parent)
    expected = [f"ValueError no {n}" if n in world.broken else str(n) for n in range(10)]
    assert out(state) == expected


def test_one_failure_more_than_is_tolerated_stops_the_rest_and_raises():
    world = World()
    world.broken = {0, 1, 2}

    async def parent() -> str:
        try:
            await world.leaf.map([*items(3), *items(5, 1000.0)], tolerate=2)
        except ChildFailed as failed:
            return f"{failed.message}; {failed.__notes__[0]}"
        return "went well"

    state, stand = world.run(parent)
    assert out(state) == "no 2; more than 2 of 8 children failed"
    assert Counter(stand.values()) == {Status.FAILED: 3, Status.CANCELLED: 5}


def test_a_failure_is_noticed_at_once_by_a_parent_that_sleeps():
    world = World()
    world.broken = {1}

    async def parent() -> int:
        return sum(await world.leaf.map([Item(1, 10.0), *items(12, 1000.0)]))

    state, stand = world.run(parent)
    assert (state.status, state.error.type) == (Status.FAILED, "onward.tasks.outcome.ChildFailed")
    assert (state.completed_at - state.created_at).total_seconds() < 20
    assert Counter(stand.values()) == {Status.FAILED: 1, Status.CANCELLED: 12}


@pytest.mark.parametrize("join, wanted", [("any", [0]), (3, [0, 1, 2])])
def test_enough_results_are_enough_and_the_rest_is_stopped(join, wanted):
    world = World()

    async def parent() -> list[int]:
        return await world.leaf.map(slower_and_slower(8), join=join)

    state, stand = world.run(parent)
    assert out(state) == wanted
    assert Counter(stand.values()) == {Status.COMPLETED: len(wanted), Status.CANCELLED: 8 - len(wanted)}


def test_a_race_without_a_winner_raises():
    world = World()
    world.broken = {0, 1}

    async def parent() -> list[int]:
        return await world.leaf.map(items(2), join="any")

    state, _ = world.run(parent)
    assert state.status is Status.FAILED


def test_detached_children_go_on_when_they_are_not_waited_for():
    world = World()

    async def parent() -> list[int]:
        await world.leaf.with_options(policy="detach").start(Item(100, 50.0))
        return await world.leaf.map(slower_and_slower(4), join="any", policy="detach")

    state, stand = world.run(parent)
    assert out(state) == [0]
    assert set(stand.values()) == {Status.COMPLETED}
    assert sorted(world.ran) == [0, 1, 2, 3, 100]


def test_a_started_child_ends_with_its_parent_unless_it_is_waited_for():
    world = World()

    async def parent() -> int:
        waited, left = await world.leaf.start(Item(1, 20.0)), await world.leaf.start(Item(2, 100.0))
        assert waited.id != left.id
        return await waited.result()

    state, stand = world.run(parent)
    assert out(state) == 1
    assert sorted(stand.values()) == [Status.CANCELLED, Status.COMPLETED]


@pytest.mark.parametrize("policy", ["cancel", "detach"])
def test_a_started_child_can_be_cancelled(policy):
    world = World()

    async def parent() -> str:
        child = await world.leaf.with_options(policy=policy).start(Item(1, 500.0))
        await child.cancel()
        try:
            return str(await child.result())
        except ChildFailed as failed:
            return failed.outcome

    assert out(world.run(parent)[0]) == "cancelled"


def test_a_stream_tells_of_each_child_as_it_ends():
    world = World()

    async def parent() -> list[list[int]]:
        given = [Item(0, 30.0), Item(1, 10.0), Item(2, 20.0)]
        return [[place, item.number, result] async for place, item, result in world.leaf.map(given)]

    assert out(world.run(parent)[0]) == [[1, 1, 1], [2, 2, 2], [0, 0, 0]]


def test_a_child_has_the_options_it_was_given():
    world = World(queue="default", priority=2)

    async def parent() -> None:
        await world.leaf.run(Item(1))
        await world.leaf.with_options(priority=9, labels={"a": "b"}, key="mine").run(Item(2))

    async def then(shop, parent):
        state = (await shop.log(parent)).execution
        found = {}
        for name, group in state.groups.items():
            child = (await shop.log(family.ids.child_id(parent, name, group.born, 0))).execution
            found[name] = (child.priority, child.labels, child.parent_id == parent, child.source)
        return found

    assert world.run(parent, then=then) == {
        "leaf": (2, {}, True, "task"),
        "leaf=mine": (9, {"a": "b"}, True, "task"),
    }


def test_a_retried_parent_gives_failed_children_another_life_and_runs_no_completed_one_again():
    world = World()
    world.broken = {1}

    async def parent() -> int:
        return sum(await world.leaf.map(items(3)))

    async def then(shop, execution):
        world.broken.clear()
        await shop.command(execution, commands.retry)
        return await shop.ended(execution), await children(shop, execution)

    state, stand = world.run(parent, then=then)
    assert (out(state), set(stand.values())) == (3, {Status.COMPLETED})
    assert Counter(world.ran) == {0: 1, 1: 2, 2: 1}


def test_a_retried_parent_revives_the_children_that_its_cancel_stopped():
    world = World()

    async def parent() -> int:
        return sum(await world.leaf.map(items(3, 40.0)))

    world.registry.task(name="parent", retry=ONE_TRY)(parent)

    async def main(_: Random):
        shop = Workshop(world.registry)
        await shop.worker("one")
        execution = await shop.submit("parent")
        await asyncio.sleep(10)
        await shop.command(execution, lambda state, moment: commands.cancel(state, moment, "enough"))
        await asyncio.sleep(10)
        assert set((await children(shop, execution)).values()) == {Status.CANCELLED}
        await shop.command(execution, commands.retry)
        assert out(await shop.ended(execution, within=200)) == 3

    simulate(1, main)


def test_a_child_that_is_held_for_repair_has_not_ended():
    world = World(on_exhausted="hold")
    world.broken = {1}

    async def parent() -> int:
        return await world.leaf.run(Item(1))

    world.registry.task(name="parent", retry=ONE_TRY)(parent)

    async def main(_: Random):
        shop = Workshop(world.registry)
        await shop.worker("one")
        execution = await shop.submit("parent")
        await asyncio.sleep(60)
        (group,) = (await shop.log(execution)).execution.groups
        child = family.ids.child_id(execution, group, 3, 0)
        assert (await shop.log(child)).execution.reason == "held"
        assert not (await shop.log(execution)).execution.ended
        world.broken.clear()
        await shop.command(child, commands.retry)
        assert out(await shop.ended(execution)) == 1

    simulate(1, main)


def test_a_result_of_any_size_reaches_the_parent():
    registry = Registry()

    @registry.task
    async def text(size: int) -> str:
        return "x" * size

    @registry.task
    async def parent() -> list[int]:
        return [len(found) for found in await text.map([10, 5_000, 400_000])]

    async def main(_: Random):
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("parent")
        assert out(await shop.ended(execution)) == [10, 5_000, 400_000]
        log = await shop.log(execution)
        assert sum(len(ev.encode(item.event)) for item in log.stored) < 10_000

    simulate(1, main)


async def test_a_def_task_runs_children_from_its_thread():
    registry = Registry()

    @registry.task
    async def double(number: int) -> int:
        return 2 * number

    @registry.task
    def parent() -> int:
        return sync(double.run(21)) + sum(sync(double.map([1, 2])))

    shop = Workshop(registry)
    engine = await shop.worker("one")
    assert out(await shop.ended(await shop.submit("parent"), within=10)) == 48
    await engine.drain(1)


async def test_outside_an_execution_a_call_runs_and_a_child_needs_a_client():
    world = World()
    assert await world.leaf(Item(3)) == 3
    with pytest.raises(RuntimeError, match="bind a client"):
        await world.leaf.run(Item(3))
    with pytest.raises(TypeError):
        await world.leaf.run()


async def test_what_no_child_can_have_is_refused_before_anything_is_decided():
    world = World()
    for wrong in (
        {"priority": 10},
        {"labels": {"": "x"}},
        {"labels": {str(n): "" for n in range(33)}},
        {"queue": "a.b"},
    ):
        with pytest.raises((ValueError, InvalidName)):
            world.leaf.with_options(**wrong)
    world.registry.task(name="parent", retry=ONE_TRY)(_asks_wrongly(world))
    shop = Workshop(world.registry)
    engine = await shop.worker("one")
    state = await shop.ended(await shop.submit("parent"), within=10)
    assert (state.status, state.error.type, state.groups) == (Status.FAILED, "ValueError", {})
    await engine.drain(1)


def _asks_wrongly(world):
    async def parent() -> list[int]:
        return await world.leaf.map(items(3), window=0)

    return parent
