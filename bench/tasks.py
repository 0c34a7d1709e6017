"""The tasks that the benchmark runs."""

import time

from onward import Registry, step

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
