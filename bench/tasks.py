"""The tasks that the benchmark runs."""

import asyncio
import time

from onward import Registry, Retry, step

registry = Registry("bench")


@registry.task
async def noop() -> float:
    """Do nothing; the result is the worker's clock at the first line."""
    return time.time()


@registry.task
async def steps(count: int) -> int:
    """Run `count` steps that do nothing."""
    for number in range(count):
        await step("nothing", _nothing, number)
    return count


async def _nothing(number: int) -> int:
    return number


@registry.task(retry=Retry(attempts=2, first=3600.0, jitter=False))
async def fails() -> None:
    """Fail, and wait for an hour."""
    raise ConnectionError("not now")


@registry.task
async def nap(seconds: float) -> None:
    """Keep a slot for a while."""
    await asyncio.sleep(seconds)
