"""Children: run, start, map, in a whole installation in memory."""

import asyncio
from collections import Counter
from random import Random

import pytest

from onward import ChildFailed, Registry, Retry
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

ONE_TRY = Retry(attempts=1)


def family() -> tuple[Registry, list[int]]:
    registry, ran = Registry(), []

    @registry.task(retry=ONE_TRY)
    async def double(number: int, seconds: float = 0.0, bad: bool = False) -> int:
        await asyncio.sleep(seconds)
        ran.append(number)
        if bad:
            raise ValueError(f"no {number}")
        return 2 * number

    @registry.task
    async def one(number: int, seconds: float = 0.0) -> int:
        return await double.run(number, seconds)

    @registry.task
    async def fails() -> str:
        try:
            await double.run(7, bad=True)
        except ChildFailed as failed:
            return f"{failed.outcome} {failed.type}: {failed.message}"
        return "went well"

    @registry.task
    async def several() -> list[int]:
        first, second = await asyncio.gather(double.run(1), double.run(2))
        async with asyncio.TaskGroup() as group:
            third = group.create_task(double.run(number=3))
        return [first, second, third.result()]

    @registry.task
    async def mapped(count: int, seconds: float = 0.0, window: int = 50) -> list[int]:
        items = [{"number": number, "seconds": seconds} for number in range(count)]
        return await double.map(items, window=window)

    return registry, ran


def output(state):
    return (state.status, bytes(state.output or b"").decode())


def test_a_child_runs_and_its_parent_gets_what_it_returned():
    registry, _ = family()

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        parent = await shop.submit("one", {"number": 21})
        assert output(await shop.ended(parent)) == (Status.COMPLETED, "42")
        assert await shop.types(parent) == [
            "submitted", "started", "children_spawned", "children_done", "completed",
        ]  # fmt: skip

    simulate(1, main)


def test_a_parent_on_the_only_slot_makes_room_for_its_child():
    registry, _ = family()

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one", slots=1)
        parent = await shop.submit("one", {"number": 21, "seconds": 30})
        assert output(await shop.ended(parent)) == (Status.COMPLETED, "42")
        assert "suspended" in await shop.types(parent)

    simulate(2, main)


def test_a_failed_child_raises_in_its_parent_with_its_cause():
    registry, _ = family()

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        parent = await shop.submit("fails")
        assert output(await shop.ended(parent)) == (Status.COMPLETED, '"failed ValueError: no 7"')

    simulate(3, main)


def test_children_run_in_gather_and_in_a_task_group():
    registry, ran = family()

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        assert output(await shop.ended(await shop.submit("several"))) == (Status.COMPLETED, "[2,4,6]")
        assert Counter(ran) == {1: 1, 2: 1, 3: 1}

    simulate(4, main)


@pytest.mark.parametrize("count, seconds", [(0, 0.0), (120, 0.0), (120, 20.0)])
def test_a_map_gives_its_results_in_the_order_of_its_items(count, seconds):
    registry, ran = family()

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one", slots=20)
        parent = await shop.submit("mapped", {"count": count, "seconds": seconds})
        expected = "[" + ",".join(str(2 * number) for number in range(count)) + "]"
        assert output(await shop.ended(parent, within=600)) == (Status.COMPLETED, expected)
        assert Counter(ran) == Counter(range(count))
        assert (await shop.types(parent)).count("children_spawned") <= 1 + count // 20

    simulate(5, main)


@pytest.mark.timeout(30)
def test_a_parent_whose_calls_come_in_another_order_waits_and_does_not_go_round_in_circles():
    """Found by seed 18240 of the short days: the worker's loop stood still for ever."""
    registry, _ = family()
    lives: list[int] = []

    @registry.task
    async def reordered() -> int:
        lives.append(1)
        if len(lives) == 1:
            slow, quick = {"number": 1, "seconds": 30}, {"number": 2}
            await registry.tasks["double"].map([slow, quick], join="any")
        return await registry.tasks["double"].run(5)

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one", slots=2)
        parent = await shop.submit("reordered")
        assert output(await shop.ended(parent, within=600)) == (Status.COMPLETED, "2")

    simulate(6, main)
