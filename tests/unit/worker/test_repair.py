"""A repaired execution runs what was forgotten, reads what a person gave, and repeats nothing else."""

from random import Random
from typing import Any

import msgspec

from onward import Registry, Retry, step
from onward.contract import repair
from onward.contract.execution import Execution, Status
from onward.contract.submission import RetryCommand, StepPlace, StepResult
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


def paid_twice(ran: list[str]) -> Registry:
    registry = Registry()

    async def run(name: str, result: int) -> int:
        ran.append(name)
        return result

    @registry.task(retry=Retry(attempts=1))
    async def work(limit: int = 0) -> int:
        price = await step("price", run, "price", 7)
        fee = await step("fee", run, "fee", 1)
        if price + fee > limit:
            raise ValueError("too much")
        return await step("pay", run, "pay", price + fee)

    return registry


async def repaired(shop: Workshop, execution: str, **asked: Any) -> Execution:
    log = await shop.log(execution)
    await shop.command(execution, lambda _, moment: repair.repair(log, moment, RetryCommand(**asked)))
    return await shop.ended(execution)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def test_an_edited_result_is_read_and_only_what_is_new_runs() -> None:
    ran: list[str] = []

    async def main(_: Random) -> None:
        shop = Workshop(paid_twice(ran))
        await shop.worker("one")
        execution = await shop.submit("work", {"limit": 5})
        assert (await shop.ended(execution)).status is Status.FAILED
        state = await repaired(shop, execution, steps=(StepResult(name="price", result=raw(2)),))
        assert (state.status, bytes(state.output or b""), state.lives) == (Status.COMPLETED, b"3", 2)
        assert ran == ["price", "fee", "pay"]

    simulate(1, main)


def test_from_a_step_that_step_and_those_after_it_run_again_with_another_input() -> None:
    ran: list[str] = []

    async def main(_: Random) -> None:
        shop = Workshop(paid_twice(ran))
        await shop.worker("one")
        execution = await shop.submit("work")
        await shop.ended(execution)
        asked = {"from_step": StepPlace(name="fee"), "input": raw({"limit": 100})}
        state = await repaired(shop, execution, **asked)
        assert (state.status, bytes(state.output or b"")) == (Status.COMPLETED, b"8")
        assert ran == ["price", "fee", "fee", "pay"]

    simulate(2, main)
