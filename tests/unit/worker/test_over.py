"""What is left of an attempt that has ended."""

import asyncio
import gc
from random import Random

import pytest

from onward import Registry, step
from onward.contract.execution import Status
from onward.tasks.outcome import Interrupted
from onward.testing.virtual_loop import simulate
from onward.worker.logs import LineWriter
from onward.worker.session import Session
from tests.support.workshop import Workshop


async def _nothing() -> None:
    """Done."""


def _there() -> list[object]:
    return [one for one in gc.get_objects() if isinstance(one, Session | LineWriter)]


@pytest.fixture
def collected_by_hand():
    """No collector while the test runs."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("fails", [False, True])
def test_an_attempt_that_has_ended_leaves_nothing_to_the_collector(
    fails: bool, collected_by_hand: None
) -> None:
    registry = Registry()

    @registry.task
    async def work() -> None:
        await step("one", _nothing)
        print("printed")

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        before = len(_there())
        for _ in range(3):
            await shop.ended(await shop.submit("work"))
        await asyncio.sleep(60)
        assert len(_there()) == before

    simulate(1, main)


def test_what_goes_on_after_its_attempt_has_ended_is_interrupted() -> None:
    registry, seen, go = Registry(), [], asyncio.Event()

    async def late() -> None:
        await go.wait()
        print("nobody hears this")
        try:
            await step("late", _nothing)
        except Interrupted as error:
            seen.append(error)

    left: list[asyncio.Task[None]] = []

    @registry.task
    async def work() -> None:
        left.append(asyncio.get_running_loop().create_task(late()))

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        assert (await shop.ended(execution)).status is Status.COMPLETED
        await asyncio.sleep(1)
        go.set()
        await left[0]
        assert len(seen) == 1
        assert await shop.types(execution) == ["submitted", "started", "completed"]

    simulate(1, main)
