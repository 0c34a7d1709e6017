"""What a call costs on the loop, on a thread, and in a process of its own: `python -m bench.blocking`."""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from textwrap import dedent
from typing import Any, cast

from onward.tasks.context import Session, current
from onward.tasks.own_process import OwnProcess
from onward.worker import blocking


class Nobody:
    """An attempt of no execution."""

    execution_id, attempt = "bench", 1

    def idempotency_key(self) -> str:
        """Returns the same key always."""
        return "bench"


async def on_the_loop(text: str) -> str:
    """Do next to nothing."""
    return dedent(text)


async def beside(fn: Callable[..., Any], text: str) -> Any:
    """Call it as a step does."""
    call = blocking.start(fn, (text,), {}, name="bench")
    return await blocking.finished(call, "bench", grace=1.0, stopping=lambda: False)


async def measure(what: str, times: int, call: Callable[[str], Awaitable[Any]]) -> None:
    """Print the median and the 99th percentile, in ms."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        await call("  text")
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    sys.stdout.write(
        f"{what:22} p50 {statistics.median(took):9.3f} ms   p99 {took[int(times * 0.99) - 1]:9.3f} ms\n"
    )


async def main() -> None:
    """Measure all three."""
    current.set(cast(Session, Nobody()))
    await measure("async def", 20_000, on_the_loop)
    await measure("def, on a thread", 5_000, lambda text: beside(dedent, text))
    in_process = OwnProcess(dedent, "bench")
    await measure("def, process=True", 40, lambda text: beside(in_process, text))


if __name__ == "__main__":
    asyncio.run(main())
