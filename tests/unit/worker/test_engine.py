"""The worker's engine on the in-memory bus, in virtual time where no threads are needed."""

import asyncio
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from onward import (
    Fatal,
    Registry,
    Retry,
    step,
)
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

QUICK = Retry(attempts=3, first=1.0, factor=2.0, jitter=False)


def test_a_task_runs_to_completed_and_its_hint_is_gone() -> None:
    registry = Registry()

    @registry.task
    async def add(left: int, right: int = 2) -> int:
        return left + right

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        done = await shop.submit("add", {"left": 1})
        state = await shop.ended(done)
        assert (state.status, bytes(state.output or b"")) == (Status.COMPLETED, b"3")
        assert await shop.types(done) == ["submitted", "started", "completed"]
        await asyncio.sleep(1)
        assert not shop.bus.work.messages

    simulate(1, main)


def test_steps_are_not_repeated_by_the_next_attempt() -> None:
    registry, ran = Registry(), []

    def effect(name: str) -> str:
        ran.append(name)
        return name.upper()

    @registry.step
    async def second(name: str) -> str:
        return effect(name)

    @registry.task(retry=QUICK)
    async def work() -> list[str]:
        first = await step("first", _async(effect), "a")
        other = await second("b")
        if ran.count("c") < 2:
            effect("c")
            raise ConnectionError("not yet")
        return [first, other]

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"))
        assert (state.status, state.attempt, bytes(state.output or b"")) == (
            Status.COMPLETED,
            3,
            b'["A","B"]',
        )
        assert (ran.count("a"), ran.count("b")) == (1, 1)

    simulate(2, main)


def test_ordinals_are_counted_when_the_call_is_made_so_gather_may_finish_in_any_order() -> None:
    registry = Registry()
    ran: list[int] = []

    @registry.step
    async def slow(number: int) -> int:
        await asyncio.sleep(1 / number)
        ran.append(number)
        return number

    @registry.task(retry=QUICK)
    async def work() -> list[int]:
        found = await asyncio.gather(*(slow(number) for number in (1, 2, 3)))
        if len(ran) == 3:
            ran.append(0)
            raise ConnectionError
        return found

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"))
        assert bytes(state.output or b"") == b"[1,2,3]"
        assert ran == [3, 2, 1, 0]

    simulate(3, main)


def test_a_failing_task_is_retried_with_backoff_and_then_exhausted() -> None:
    registry = Registry()

    @registry.task(retry=QUICK)
    async def work() -> None:
        raise ConnectionError("down")

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        state = await shop.ended(execution)
        assert (state.status, state.reason, state.attempt) == (Status.FAILED, "exhausted", 3)
        starts = [
            s.event.at for s in (await shop.log(execution)).stored if type(s.event).__name__ == "Started"
        ]
        waits = [(b - a).total_seconds() for a, b in pairwise(starts)]
        assert waits == [pytest.approx(1.0, abs=0.3), pytest.approx(2.0, abs=0.3)]

    simulate(4, main)


def test_fatal_is_not_retried() -> None:
    registry = Registry()

    @registry.task(retry=QUICK)
    async def work() -> None:
        raise Fatal("no use")

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("work"))
        assert (state.reason, state.attempt, state.error and state.error.message) == ("error", 1, "no use")

    simulate(5, main)


def test_wrong_input_fails_the_execution_only() -> None:
    registry = Registry()

    @registry.task
    async def work(count: int) -> int:
        return count

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        bad, good = await shop.submit("work", {"count": "x"}), await shop.submit("work", {"count": 1})
        state = await shop.ended(bad)
        assert (state.status, state.error and state.error.type) == (Status.FAILED, "invalid_input")
        assert (await shop.ended(good)).status is Status.COMPLETED

    simulate(6, main)


def _async(fn: Any) -> Any:
    async def call(*args: Any) -> Any:
        return fn(*args)

    return call


def _raw(data: bytes) -> Any:
    import msgspec

    return msgspec.Raw(data)
