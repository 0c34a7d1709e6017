"""What a running worker is told: it holds at once, and for as long as the worker lives."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec
import pytest

from onward import Registry
from onward.contract import subjects
from onward.contract.execution import Status
from onward.contract.workers import Standing
from onward.testing.virtual_loop import simulate
from onward.worker.usage import Usage
from tests.support.workshop import Workshop


class Plant:
    """A worker of two slots, whose tasks run until they are let go."""

    def __init__(self) -> None:
        self.registry, self.gate, self.running = Registry(), asyncio.Event(), 0
        self.most = 0

        @self.registry.task
        async def gated() -> None:
            self.running += 1
            self.most = max(self.most, self.running)
            await self.gate.wait()
            self.running -= 1

        self.shop = Workshop(self.registry)

    async def begin(self, count: int) -> list[str]:
        self.engine = await self.shop.worker("one", slots=2)
        made = [await self.shop.submit("gated") for _ in range(count)]
        await asyncio.sleep(1)
        return made

    async def tell(self, **order: Any) -> Standing:
        reply = await self.shop.gateway.messages.ask(
            subjects.worker("one"), msgspec.json.encode(order), timeout=1
        )
        assert reply is not None
        return msgspec.json.decode(reply, type=Standing)

    async def let_go(self) -> None:
        self.gate.set()
        await asyncio.sleep(1)


def simulated(main: Callable[[Plant], Awaitable[None]]) -> None:
    async def run(_: Random) -> None:
        await main(Plant())

    simulate(1, run)


def test_a_paused_worker_ends_what_runs_and_takes_nothing_until_it_is_resumed() -> None:
    async def main(plant: Plant) -> None:
        await plant.begin(3)
        told = await plant.tell(act="pause")
        assert (told.status, told.slots, told.busy) == ("paused", 2, 2)

        await plant.let_go()
        late = await plant.shop.submit("gated")
        await asyncio.sleep(30)
        assert (plant.running, await plant.shop.types(late)) == (0, ["submitted"])

        assert (await plant.tell(act="resume")).status == "listening"
        assert (await plant.shop.ended(late)).status is Status.COMPLETED

    simulated(main)


def test_slots_are_changed_while_it_runs() -> None:
    async def main(plant: Plant) -> None:
        await plant.begin(6)
        assert plant.running == 2

        assert (await plant.tell(act="slots", slots=5)).slots == 5
        await asyncio.sleep(1)
        assert plant.running == 5

        await plant.tell(act="slots", slots=1)
        plant.most = 0
        await plant.let_go()
        plant.gate.clear()
        made = [await plant.shop.submit("gated") for _ in range(3)]
        await asyncio.sleep(1)
        assert plant.running == 1
        plant.gate.set()
        for one in made:
            await plant.shop.ended(one)

    simulated(main)


def test_a_drained_worker_is_told_from_a_draining_one_and_leaves_where_it_was_told_to() -> None:
    async def main(plant: Plant) -> None:
        await plant.begin(1)
        told = await plant.tell(act="drain", exit=True)
        assert (told.status, told.leaving, plant.engine.left.is_set()) == ("draining", True, False)

        await plant.let_go()

        assert plant.engine.left.is_set()
        assert (await plant.tell(act="drain")).status == "drained"

    simulated(main)


@pytest.mark.parametrize("wrong", [{"act": "dance"}, {"act": "slots"}, {"act": "slots", "slots": 0}])
def test_an_order_that_makes_no_sense_changes_nothing(wrong: dict[str, Any]) -> None:
    async def main(plant: Plant) -> None:
        await plant.begin(0)
        reply = await plant.shop.gateway.messages.ask(
            subjects.worker("one"), msgspec.json.encode(wrong), timeout=1
        )
        assert b"refused" in (reply or b"")
        assert (plant.engine.orders.slots, plant.engine.orders.resting) == (2, False)

    simulated(main)


def test_seed_utilisation_counts_used_slots_over_those_that_were_there() -> None:
    now = 0.0
    usage = Usage(lambda: now, 4, ("default", "gpu"))
    usage.begun("default")
    now = 10.0  # 1 of 4
    usage.begun("gpu")
    usage.offer(0)
    now = 15.0  # it rests: what it uses is all there is
    usage.ended("default")
    usage.ended("gpu")
    now = 20.0  # it rests and does nothing

    used = usage.read()

    assert used.busy == {"default": 15_000, "gpu": 5_000}
    assert used.available == 40_000 + 10_000
