"""Limits: of the wait in the queue, an attempt, the whole execution, between signs of life; kept held and let go."""

import asyncio
from random import Random
from typing import Any

import pytest

from onward import Registry, Retry, Timeouts, ask, extend, log, progress, sleep, step
from onward.contract import commands
from onward.contract.execution import Execution, Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


def now() -> float:
    return asyncio.get_running_loop().time()


async def takes(seconds: float) -> None:
    await asyncio.sleep(seconds)


def run(
    code: Any, within: float = 2000.0, *, retry: Retry | None = None, **limits: float
) -> tuple[Execution, float]:
    """What becomes of `code` with these limits, and when."""
    registry = Registry()

    @registry.task(timeouts=Timeouts(**limits), retry=retry or Retry(attempts=2, first=1.0, jitter=False))
    async def work() -> None:
        await code()

    async def main(_: Random) -> tuple[Execution, float]:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"), within=within)
        return state, now()

    return simulate(1, main)


def test_what_no_worker_takes_within_its_limit_is_failed_without_one() -> None:
    registry = Registry()

    @registry.task(timeouts=Timeouts(queue=60))
    async def work() -> None:
        return None

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        execution = await shop.submit("work")
        delayed = await shop.submit("work", delay=100)
        state = await shop.ended(execution, within=70)
        assert (state.status, state.reason, state.attempt) == (Status.FAILED, "timed_out", 0)
        assert 60 <= now() < 61
        await shop.ended(delayed, within=150)
        assert 160 <= now() < 161

    simulate(1, main)


def test_the_wait_in_the_queue_ends_with_the_first_claim() -> None:
    state, at = run(lambda: takes(100), queue=60)
    assert (state.status, at // 1) == (Status.COMPLETED, 100)


@pytest.mark.parametrize("waits", [lambda: sleep(3600), lambda: ask("Go on?")], ids=["asleep", "asking"])
def test_an_execution_that_nobody_holds_ends_at_its_limit(waits: Any) -> None:
    state, at = run(waits, execution=90)
    assert (state.reason, at // 1, state.waits) == ("timed_out", 90, {})


def test_the_limit_of_the_execution_stops_running_code_and_is_not_retried() -> None:
    state, at = run(lambda: takes(1000), retry=Retry(attempts=5), execution=90)
    assert (state.reason, state.attempt, at // 1) == ("timed_out", 1, 90)


def test_the_limit_of_the_execution_spans_its_attempts() -> None:
    state, at = run(
        lambda: takes(1000), retry=Retry(attempts=5, first=1.0, jitter=False), attempt=40, execution=90
    )
    assert (state.reason, state.attempt, at // 1) == ("timed_out", 3, 90)


def test_an_attempt_over_its_limit_is_tried_again() -> None:
    state, at = run(lambda: takes(1000), attempt=10)
    assert (state.reason, state.attempt, at // 1) == ("timed_out", 2, 21)


def test_code_that_gives_no_sign_of_life_is_stopped() -> None:
    state, at = run(lambda: takes(1000), retry=Retry(attempts=1), heartbeat=30)
    assert state.error is not None
    assert (state.reason, state.error.message, at // 1) == ("timed_out", "no sign of life for 30 s", 30)


def test_steps_progress_and_log_lines_are_signs_of_life() -> None:
    async def lively() -> None:
        for sign in (lambda: step("one", takes, 20), lambda: progress(0.5), lambda: takes(0)):
            await asyncio.sleep(20)
            log("here")
            await sign()

    state, _ = run(lively, heartbeat=30)
    assert state.status is Status.COMPLETED


@pytest.mark.parametrize("kind", ["attempt", "execution", "heartbeat"])
def test_a_task_may_take_more_time_while_it_runs(kind: str) -> None:
    async def longer() -> None:
        await asyncio.sleep(20)
        await extend(**{kind: 100})
        await asyncio.sleep(80)

    state, at = run(longer, **{kind: 30})
    assert (state.status, at // 1) == (Status.COMPLETED, 100)
    state, at = run(longer, **{kind: 300})
    assert getattr(state.timeouts, kind) == 300, "it never takes away"


@pytest.mark.parametrize("limits, ends", [({"attempt": 200.0}, 200), ({"execution": 40.0}, 40)])
def test_limits_may_be_changed_from_outside_while_it_runs_and_its_worker_hears_of_it(
    limits: Any, ends: int
) -> None:
    registry = Registry()

    @registry.task(timeouts=Timeouts(attempt=90, execution=1000), retry=Retry(attempts=1))
    async def work() -> None:
        await asyncio.sleep(500)

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await asyncio.sleep(30)
        changed = Timeouts(**{"attempt": 90, "execution": 1000, **limits})
        await shop.command(execution, lambda s, m: commands.amend(s, m, changed))
        state = await shop.ended(execution, within=1000)
        assert (state.reason, now() // 1) == ("timed_out", ends)

    simulate(1, main)


def test_a_worker_that_dies_leaves_the_limit_of_the_execution_to_the_timer() -> None:
    registry = Registry()

    @registry.task(timeouts=Timeouts(execution=60))
    async def work() -> None:
        await asyncio.sleep(1000)

    async def main(_: Random) -> None:
        shop = Workshop(registry, ack_wait=20.0)
        await shop.worker("one")
        execution = await shop.submit("work")
        await asyncio.sleep(59)
        shop.kill("one")
        await shop.worker("two")
        state = await shop.ended(execution, within=100)
        assert (state.status, state.reason) == (Status.FAILED, "timed_out")

    simulate(1, main)


def test_a_cancelled_execution_leaves_no_timer_of_a_deadline() -> None:
    registry = Registry()

    @registry.task(timeouts=Timeouts(execution=6000, queue=50))
    async def work() -> None:
        await sleep(1000)

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.until(execution, lambda s: s.reason == "sleeping")
        await asyncio.sleep(1)
        assert len(shop.bus.timers.set) == 3
        await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
        await asyncio.sleep(1)
        assert not shop.bus.timers.set

    simulate(1, main)
