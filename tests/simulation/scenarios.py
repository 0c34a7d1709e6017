"""The tasks that simulations run: steps, a sleep, a question, a flaky one."""

import asyncio
from functools import cache

from onward.contract.retry import Retry
from onward.tasks import asking, context
from onward.tasks.registry import Registry
from tests.simulation.installation import Worker, working


def tasks(_: Worker | None = None) -> Registry:
    return _made()


@cache
def _made() -> Registry:
    registry = Registry()

    async def step(name: str, seconds: float = 0.1) -> str:
        session = context.execution()
        working().effect(session.execution_id, f"/{name}", session.attempt, "begin")
        await asyncio.sleep(seconds * working().process.random.random() * 2)
        working().effect(session.execution_id, f"/{name}", session.attempt, "end")
        return name

    @registry.task
    async def steps() -> list[str]:
        return [await context.step(f"step-{i}", step, f"step-{i}") for i in range(4)]

    @registry.task
    async def long() -> list[str]:
        return [await context.step(f"step-{i}", step, f"step-{i}", 15.0) for i in range(3)]

    @registry.task
    async def sleepy() -> str:
        await context.step("before", step, "before")
        await context.sleep(30)
        return await context.step("after", step, "after")

    @registry.task
    async def asks() -> str:
        await context.step("before", step, "before")
        answer = await asking.ask("Go on?")
        await context.step("after", step, "after")
        return answer

    @registry.task(retry=Retry(attempts=3, first=1.0))
    async def flaky() -> int:
        await context.step("paid", step, "paid")
        if context.execution().attempt < 3:
            raise ValueError("not yet")
        return context.execution().attempt

    return registry
