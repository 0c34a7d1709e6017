"""A paused execution: what has begun ends and is saved, nothing new begins, and nothing that comes is lost."""

import asyncio
from random import Random
from typing import Any

import pytest

from onward import Registry, Retry, ask, sleep, step, sync
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.execution import Execution, Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


def pausing(state: Execution, moment: Any) -> Any:
    return commands.pause(state, moment, None)


def is_paused(state: Execution) -> bool:
    return state.paused and not state.held


def outcome(state: Execution) -> tuple[Status, bytes, int]:
    return state.status, bytes(state.output or b""), state.attempt


def three_steps(ran: list[str], seconds: float = 10.0) -> Registry:
    registry = Registry()

    async def work_on(name: str) -> str:
        ran.append(f"{name} begins")
        await asyncio.sleep(seconds)
        ran.append(f"{name} ends")
        return name

    @registry.task
    async def work() -> str:
        return "".join([await step(name, work_on, name) for name in "abc"])

    return registry


def test_the_step_that_runs_ends_and_is_saved_and_no_other_begins() -> None:
    ran: list[str] = []

    async def main(_: Random) -> None:
        shop = Workshop(three_steps(ran))
        one = await shop.worker("one", slots=1)
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await asyncio.sleep(5)
        state = await shop.command(execution, pausing)
        assert (state.reason, state.paused) == ("executing", True)
        await shop.until(execution, is_paused)
        await asyncio.sleep(600)
        state = (await shop.log(execution)).execution
        assert (state.status, state.reason, one.running) == (Status.RUNNING, "paused", 0)
        assert ran == ["a begins", "a ends"]
        await shop.command(execution, commands.resume)
        assert outcome(await shop.ended(execution)) == (Status.COMPLETED, b'"abc"', 1)
        assert ran == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
        assert 620 <= asyncio.get_running_loop().time() < 640

    simulate(1, main)


def test_what_waits_in_the_queue_is_not_claimed_while_it_is_paused() -> None:
    ran: list[str] = []

    async def main(_: Random) -> None:
        shop = Workshop(three_steps(ran))
        execution = await shop.submit("work")
        state = await shop.command(execution, pausing)
        assert (state.status, state.reason) == (Status.PENDING, "paused")
        await shop.worker("one")
        await asyncio.sleep(600)
        assert ran == []
        await shop.command(execution, commands.resume)
        assert outcome(await shop.ended(execution))[0] is Status.COMPLETED

    simulate(2, main)


@pytest.mark.parametrize("resumed_after", [10.0, 500.0])
def test_a_sleep_goes_on_through_a_pause_and_wakes_nobody_before_the_resume(resumed_after: float) -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        await sleep(100)
        return "woke"

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        loop = asyncio.get_running_loop()
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.reason == "sleeping")
        assert (await shop.command(execution, pausing)).reason == "paused"
        await asyncio.sleep(resumed_after)
        assert (await shop.log(execution)).execution.reason == "paused"
        state = await shop.command(execution, commands.resume)
        assert state.reason == "sleeping"
        await shop.ended(execution, within=200)
        assert max(resumed_after, 100) <= loop.time() < max(resumed_after, 100) + 2

    simulate(3, main)


def test_an_answer_given_while_it_is_paused_counts_once_it_is_resumed() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        return str(await ask("Go on?", Any))

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        await shop.command(execution, pausing)
        await shop.command(execution, lambda s, m: commands.answer(s, m, ev.NOTHING, None))
        await asyncio.sleep(60)
        assert is_paused((await shop.log(execution)).execution)
        await shop.command(execution, commands.resume)
        assert (await shop.ended(execution)).status is Status.COMPLETED

    simulate(4, main)


def test_no_sleep_and_no_question_begins_while_it_is_paused() -> None:
    registry = Registry()

    @registry.task
    async def work() -> None:
        await asyncio.sleep(10)
        await asyncio.gather(sleep(50), ask("Go on?"))

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await shop.command(execution, pausing)
        await shop.until(execution, is_paused)
        assert await shop.types(execution) == ["submitted", "started", "paused", "suspended"]
        await shop.command(execution, commands.resume)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")

    simulate(5, main)


def test_a_branch_that_waits_for_the_resume_is_not_put_to_sleep_with_the_others() -> None:
    registry, ran = Registry(), []

    @registry.task
    async def work() -> None:
        async def branch() -> None:
            await step("first", asyncio.sleep, 10)
            await step("second", _async(ran.append), asyncio.get_running_loop().time())

        await asyncio.gather(sleep(5000), branch())

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await asyncio.sleep(5)
        await shop.command(execution, pausing)
        await shop.until(execution, is_paused)
        await shop.command(execution, commands.resume)
        await shop.until(execution, lambda s: s.reason == "sleeping")
        assert len(ran) == 1

    simulate(6, main)


def test_a_step_made_of_steps_goes_on_to_its_end() -> None:
    registry, ran = Registry(), []

    @registry.task
    async def work() -> None:
        async def outer() -> None:
            for name in "ab":
                await step(name, asyncio.sleep, 10)
                ran.append(name)

        await step("outer", outer)
        await step("last", _async(ran.append), "last")

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await asyncio.sleep(5)
        await shop.command(execution, pausing)
        await shop.until(execution, is_paused)
        assert ran == ["a", "b"]
        assert [key[1] for key in (await shop.log(execution)).checkpoints()] == ["a", "b", "outer"]

    simulate(7, main)


def test_a_resume_while_the_worker_winds_down_lets_it_run_on_without_a_hand_over() -> None:
    ran: list[str] = []

    async def main(_: Random) -> None:
        shop = Workshop(three_steps(ran))
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await asyncio.sleep(5)
        await shop.command(execution, pausing)
        await asyncio.sleep(1)
        await shop.command(execution, commands.resume)
        assert outcome(await shop.ended(execution)) == (Status.COMPLETED, b'"abc"', 1)
        assert (await shop.types(execution)).count("started") == 1
        assert asyncio.get_running_loop().time() < 31

    simulate(8, main)


def test_code_that_calls_no_step_goes_on_to_its_end() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        await asyncio.sleep(100)
        return "done"

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await shop.command(execution, pausing)
        assert outcome(await shop.ended(execution, within=200)) == (Status.COMPLETED, b'"done"', 1)

    simulate(9, main)


def test_a_cancel_stops_a_paused_execution_whether_a_worker_holds_it_or_not() -> None:
    async def main(_: Random) -> None:
        shop = Workshop(three_steps([]))
        await shop.worker("one")
        free = await shop.submit("work")
        await shop.until(free, lambda s: s.held)
        await shop.command(free, pausing)
        await shop.until(free, is_paused)
        held = await shop.submit("work")
        await shop.until(held, lambda s: s.held)
        assert (await shop.command(held, pausing)).held
        for execution in (free, held):
            await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
            assert (await shop.ended(execution, within=5)).status is Status.CANCELLED

    simulate(10, main)


def test_a_paused_execution_whose_worker_dies_stays_paused_and_keeps_what_was_saved() -> None:
    ran: list[str] = []

    async def main(_: Random) -> None:
        shop = Workshop(three_steps(ran), ack_wait=5.0)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.n == 3)
        await asyncio.sleep(1)
        await shop.command(execution, pausing)
        shop.kill("one")
        await shop.worker("two")
        await shop.until(execution, is_paused)
        await asyncio.sleep(600)
        assert "recovered" in await shop.types(execution)
        assert is_paused((await shop.log(execution)).execution)
        await shop.command(execution, commands.resume)
        assert outcome(await shop.ended(execution)) == (Status.COMPLETED, b'"abc"', 2)
        assert ran.count("a begins") == 1

    simulate(11, main)


def test_a_drained_worker_hands_a_paused_execution_back_paused() -> None:
    async def main(_: Random) -> None:
        shop = Workshop(three_steps([], seconds=100))
        one = await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await shop.command(execution, pausing)
        await one.drain(5.0)
        await shop.worker("two")
        await asyncio.sleep(600)
        assert is_paused((await shop.log(execution)).execution)
        await shop.command(execution, commands.resume)
        assert outcome(await shop.ended(execution, within=400))[0] is Status.COMPLETED

    simulate(12, main)


def test_the_next_attempt_of_a_paused_execution_waits_for_the_resume() -> None:
    registry, tried = Registry(), []

    @registry.task(retry=Retry(attempts=2, first=30.0, jitter=False))
    async def work() -> None:
        await asyncio.sleep(10)
        tried.append(asyncio.get_running_loop().time())
        raise ConnectionError

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await shop.command(execution, pausing)
        await asyncio.sleep(600)
        assert (await shop.log(execution)).execution.paused_from == "retrying"
        await shop.command(execution, commands.resume)
        assert (await shop.ended(execution)).reason == "exhausted"
        assert (len(tried), tried[1] >= 600) == (2, True)

    simulate(13, main)


async def test_a_def_task_stops_at_its_next_step() -> None:
    registry = Registry()

    @registry.task
    def work() -> int:
        return sum(sync(step(name, asyncio.sleep, 0.2, 1)) for name in "abc")

    shop = Workshop(registry)
    engine = await shop.worker("one")
    execution = await shop.submit("work")
    await shop.until(execution, lambda s: s.held, 5)
    await shop.command(execution, pausing)
    state = await shop.until(execution, is_paused, 5)
    assert len((await shop.log(execution)).checkpoints()) <= 1
    await shop.command(execution, commands.resume)
    state = await shop.ended(execution, within=10)
    assert bytes(state.output or b"") == b"3"
    await engine.drain(1)


def _async(fn: Any) -> Any:
    async def call(*args: Any) -> Any:
        return fn(*args)

    return call
