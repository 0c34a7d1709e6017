"""How the engine lets go of an execution: waits, lost workers, cancels, drains; in virtual time where it can be."""

import asyncio
import threading
import time
from random import Random
from typing import Any

from onward import (
    Registry,
    Retry,
    ask,
    checkpoint,
    emit,
    idempotency_key,
    load_checkpoint,
    now,
    sleep,
    step,
    sync,
)
from onward.contract import commands
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

QUICK = Retry(attempts=3, first=1.0, factor=2.0, jitter=False)


def test_a_sleep_holds_no_slot_and_survives_the_worker() -> None:
    registry, ran = Registry(), []

    @registry.task
    async def work() -> str:
        await step("before", _async(ran.append), "before")
        await sleep(3600)
        await step("after", _async(ran.append), "after")
        return "woke"

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        one = await shop.worker("one", slots=1)
        execution = await shop.submit("work")
        state = await shop.until(execution, lambda s: s.reason == "sleeping")
        await asyncio.sleep(1)
        assert (one.running, state.worker_id) == (0, None)
        shop.kill("one")
        await shop.worker("two")
        state = await shop.ended(execution, within=4000)
        assert (state.status, ran, state.attempt) == (Status.COMPLETED, ["before", "after"], 1)
        assert 3600 <= asyncio.get_running_loop().time() < 3610

    simulate(7, main)


def test_two_sleeps_in_gather_end_after_the_longer_one() -> None:
    registry = Registry()

    @registry.task
    async def work() -> int:
        try:
            await asyncio.gather(sleep(100), sleep(300))
        except Exception:  # noqa: BLE001 - must not be able to swallow a suspension
            return -1
        return 1

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        state = await shop.ended(execution, within=1000)
        assert bytes(state.output or b"") == b"1"
        assert 300 <= asyncio.get_running_loop().time() < 310
        assert (await shop.types(execution)).count("slept") == 2

    simulate(8, main)


def test_a_question_waits_without_a_slot_and_the_answer_resumes_it() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        return "went on: " + await ask("Go on?", choices=["yes", "no"])

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        engine = await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        await asyncio.sleep(5)
        assert engine.running == 0
        await shop.command(execution, lambda s, m: commands.answer(s, m, _raw(b'"yes"'), None))
        assert bytes((await shop.ended(execution)).output or b"") == b'"went on: yes"'

    simulate(9, main)


def test_an_answer_that_comes_before_the_suspension_is_not_lost() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        return str(await ask("Go on?"))

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: bool(s.waits))
        await shop.command(execution, lambda s, m: commands.answer(s, m, _raw(b'"now"'), None))
        assert bytes((await shop.ended(execution)).output or b"") == b'"now"'

    simulate(10, main)


def test_a_killed_workers_execution_goes_on_elsewhere_from_its_checkpoint() -> None:
    registry, ran = Registry(), []

    @registry.task
    async def work() -> str:
        for name in "abcde":
            await step(name, _async(ran.append), name)
            await asyncio.sleep(1)
        return "".join(ran)

    async def main(_: Random) -> None:
        shop = Workshop(registry, ack_wait=5.0)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.n == 4)
        await asyncio.sleep(0.5)
        shop.kill("one")
        await shop.worker("two")
        state = await shop.ended(execution)
        assert (bytes(state.output or b""), state.attempt, state.worker_id) == (b'"abcde"', 2, "two")
        assert "recovered" in await shop.types(execution)

    simulate(11, main)


def test_cancel_stops_the_running_step_within_a_second_and_starts_no_other() -> None:
    registry, seen = Registry(), []

    @registry.task
    async def work() -> None:
        try:
            await step("long", asyncio.sleep, 100)
        except asyncio.CancelledError:
            seen.append(asyncio.get_running_loop().time())
            raise
        finally:
            await step("late", _async(seen.append), "late")

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.held)
        await asyncio.sleep(10)
        asked = asyncio.get_running_loop().time()
        await shop.command(execution, lambda s, m: commands.cancel(s, m, "enough"))
        state = await shop.ended(execution)
        assert state.status is Status.CANCELLED
        assert len(seen) == 1
        assert seen[0] - asked < 1

    simulate(12, main)


def test_code_that_ignores_a_cancel_is_abandoned_after_the_grace() -> None:
    registry = Registry()

    @registry.task
    async def stubborn() -> None:
        deaf_until = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < deaf_until:
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                continue

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one", grace=1.0)
        execution = await shop.submit("stubborn")
        await shop.until(execution, lambda s: s.held)
        await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
        assert (await shop.ended(execution, within=10)).status is Status.CANCELLED

    simulate(13, main)


def test_a_drained_worker_hands_its_execution_back_with_its_attempt() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        await step("one", _async(str), "x")
        await asyncio.sleep(100)
        return "done"

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        one = await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.n == 3)
        await one.drain(5.0)
        assert (await shop.types(execution))[-1] == "released"
        await shop.worker("two")
        state = await shop.ended(execution, within=300)
        assert (state.status, state.attempt, state.failures) == (Status.COMPLETED, 1, 0)

    simulate(14, main)


def test_an_attempt_over_its_limit_times_out() -> None:
    registry = Registry()

    @registry.task(timeout=10.0, retry=Retry(attempts=1))
    async def work() -> None:
        await asyncio.sleep(100)

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"))
        assert (state.status, state.reason) == (Status.FAILED, "timed_out")
        assert 10 <= asyncio.get_running_loop().time() < 12

    simulate(15, main)


def test_state_saved_on_purpose_output_and_now_survive_an_attempt() -> None:
    registry, times = Registry(), []

    @registry.task(retry=QUICK)
    async def work() -> int:
        tries = load_checkpoint("tries", int, 0) + 1
        await checkpoint("tries", tries)
        times.append((await now(), idempotency_key()))
        await emit("part", {"try": tries})
        if tries < 3:
            raise ConnectionError
        return tries

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"))
        assert bytes(state.output or b"") == b"3"
        assert len(set(times)) == 1

    simulate(16, main)


def test_a_delayed_submission_starts_when_it_is_due() -> None:
    registry = Registry()

    @registry.task
    async def work() -> None:
        return None

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work", delay=90), within=200)
        assert 90 <= asyncio.get_running_loop().time() < 92
        assert state.status is Status.COMPLETED

    simulate(17, main)


async def test_a_def_task_runs_on_a_thread_and_may_wait_for_steps() -> None:
    registry, seen = Registry(), []

    @registry.step
    def double(number: int) -> int:
        seen.append(threading.current_thread().name)
        return 2 * number

    @registry.task
    def work(number: int) -> int:
        return double.sync(number) + sync(step("more", int, "1"))

    shop = Workshop(registry)
    engine = await shop.worker("one")
    state = await shop.ended(await shop.submit("work", {"number": 4}), within=10)
    assert (bytes(state.output or b""), seen) == (b"9", ["onward-step-double"])
    await engine.drain(1)


async def test_a_cancelled_thread_is_interrupted() -> None:
    registry, seen = Registry(), []

    @registry.task
    def work() -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            seen.append("stopped")

    shop = Workshop(registry)
    engine = await shop.worker("one", grace=0.2)
    execution = await shop.submit("work")
    await shop.until(execution, lambda s: s.held, 5)
    await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
    assert (await shop.ended(execution, within=5)).status is Status.CANCELLED
    assert seen == ["stopped"]
    await engine.drain(1)


def _async(fn: Any) -> Any:
    async def call(*args: Any) -> Any:
        return fn(*args)

    return call


def _raw(data: bytes) -> Any:
    import msgspec

    return msgspec.Raw(data)
