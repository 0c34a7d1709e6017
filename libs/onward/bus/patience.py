"""Doing something again while what it needs is away."""

import asyncio
from collections.abc import Awaitable, Callable

from onward.contract.errors import Unavailable

PATIENCE = 20.0
"""Seconds for which something is tried before the event that asked for it is handed back."""


async def patiently(act: Callable[[], Awaitable[None]]) -> None:
    """Do it, again and again while something it needs is away. Raises Unavailable after PATIENCE."""
    loop = asyncio.get_running_loop()
    end, failures = loop.time() + PATIENCE, 0
    while True:
        try:
            return await act()
        except Unavailable:
            failures += 1
            pause = min(5.0, 0.05 * 2 ** min(failures, 10))
            if loop.time() + pause > end:
                raise
        await asyncio.sleep(pause)
