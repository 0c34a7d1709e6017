"""Limits in a Lab: the same decisions as on servers."""

import asyncio

import pytest

from onward import Limit, Registry, sleep
from onward.contract import moving
from onward.testing import Lab
from tests.support.grants import most_at_once

pytestmark = pytest.mark.asyncio


def registry_of(**options):
    registry = Registry()

    @registry.task(**options)
    async def work(customer: str = "ann", seconds: float = 10.0) -> str:
        await asyncio.sleep(seconds)
        return customer

    return registry


def most(lab):
    return most_at_once(stored for id in lab.executions for stored in lab.log_of(id).stored)


async def test_a_key_from_the_input_lets_two_of_each_customer_run_at_once():
    registry = registry_of(limits=[Limit("customer:{customer}", max=2)])
    async with Lab(registry) as lab:
        runs = [await lab.submit("work", {"customer": name}) for name in "aabbaabb"]
        assert [await run.result() for run in runs] == list("aabbaabb")
        assert most(lab) == {"customer:a": 2, "customer:b": 2}


async def test_what_waits_for_a_limit_is_pending_limited_and_goes_on_when_a_holder_ends():
    async with Lab(registry_of(max_running=1)) as lab:
        first, second = await lab.submit("work"), await lab.submit("work")
        await lab.settle()
        assert (second.state.status, second.state.reason) == ("pending", "limited")
        await first.result()
        assert await second.result() == "ann"
        assert most(lab) == {"task:work": 1}


async def test_a_parent_that_waits_for_children_under_its_own_limit_does_not_block_them():
    registry = Registry()

    @registry.task(max_running=1)
    async def tree(depth: int) -> int:
        return 1 if depth == 0 else 1 + await tree.run(depth - 1)

    async with Lab(registry) as lab:
        assert await (await lab.submit("tree", {"depth": 3})).result() == 4
        assert most(lab) == {"task:tree": 1}


async def test_a_key_is_held_through_a_sleep_so_that_it_is_a_mutex():
    registry = Registry()

    @registry.task(limits=[Limit("mutex", max=1)])
    async def careful() -> str:
        await sleep(3600)
        return "done"

    async with Lab(registry) as lab:
        first, second = await lab.submit("careful"), await lab.submit("careful")
        await lab.skip(minutes=30)
        assert (first.state.reason, second.state.reason) == ("sleeping", "limited")
        assert [await first.result(), await second.result()] == ["done", "done"]
        assert first.state.limits == second.state.limits


async def test_a_holder_whose_worker_dies_keeps_its_place_until_it_has_ended():
    async with Lab(registry_of(max_running=1)) as lab:
        runs = [await lab.submit("work") for _ in range(3)]
        await lab.skip(seconds=5)
        await lab.restart()
        assert [await run.result() for run in runs] == ["ann"] * 3
        assert most(lab) == {"task:work": 1}


async def test_when_full_the_newest_is_dropped():
    async with Lab(registry_of(limits=[Limit("one", max=1, full="drop_newest")])) as lab:
        first, second = await lab.submit("work"), await lab.submit("work")
        await first.result()
        assert (second.state.status, second.state.reason) == ("cancelled", "limit one is full")


async def test_when_full_the_oldest_is_cancelled_and_the_newest_takes_its_place():
    async with Lab(registry_of(limits=[Limit("one", max=1, full="cancel_oldest")])) as lab:
        first = await lab.submit("work")
        await lab.skip(seconds=1)
        second = await lab.submit("work")
        assert await second.result() == "ann"
        assert first.state.status == "cancelled"
        assert "makes way" in first.state.reason


async def test_when_full_the_newest_replaces_those_that_wait():
    async with Lab(registry_of(limits=[Limit("one", max=1, full="replace")])) as lab:
        runs = []
        for _ in range(4):
            runs.append(await lab.submit("work"))
            await lab.skip(seconds=0.5)
        assert [await runs[0].result(), await runs[3].result()] == ["ann", "ann"]
        assert [run.state.status for run in runs[1:3]] == ["cancelled", "cancelled"]


async def test_a_rate_spreads_the_starts():
    async with Lab(registry_of(limits=[Limit("api", rate=2, per=10.0)])) as lab:
        runs = [await lab.submit("work", {"seconds": 0.0}) for _ in range(6)]
        for run in runs:
            await run.result()
        began = sorted(run.state.first_started_at for run in runs)
        assert [round((at - began[0]).total_seconds()) for at in began] == [0, 0, 5, 10, 15, 20]


async def test_who_has_a_higher_priority_is_admitted_first():
    async with Lab(registry_of(max_running=1)) as lab:
        first = await lab.submit("work")
        await lab.settle()
        low = await lab.submit("work", {"customer": "low"})
        await lab.settle()

        high = await lab.submit("work", {"customer": "high"})
        await lab.command(high, lambda state, moment: moving.move(state, moment, priority=9))
        await first.result()
        await high.result()
        assert low.state.first_started_at is None or low.state.first_started_at >= high.state.completed_at
