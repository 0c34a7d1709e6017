"""The tasks that the benchmark runs."""

import asyncio
import os
import time

from onward import Registry, Retry, sleep, step

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


@registry.task
async def slow_steps(count: int, seconds: float, ledger: str) -> int:
    """Steps that take their time; each notes in a file when and where it begins."""
    for number in range(1, count + 1):
        await step(f"step {number}", _noted, number, seconds, ledger)
    return count


async def _noted(number: int, seconds: float, ledger: str) -> int:
    file = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{time.time()} {os.getpid()} {number}\n".encode())
    os.close(file)
    await asyncio.sleep(seconds)
    return number


@registry.task
async def sleeps(seconds: float) -> None:
    """Sleep durably."""
    await sleep(seconds)


@registry.task
def talks(lines: int, per_second: float) -> int:
    """Print the time, so many times and so often; each line says which one it is."""
    begun = time.time()
    for number in range(1, lines + 1):
        if (early := begun + number / per_second - time.time()) > 0.001:
            time.sleep(early)
        print(number, time.time())
    return lines
