"""What the relay holds against every client that stays: it has to read, its key has to stay valid, and we may end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from onward.contract.errors import OnwardError, Unavailable

Send = Callable[[Any], Awaitable[None]]

LAST_WORD = "onward.last_word"
"""The extension of a scope with which one more message is written past a full buffer, before the connection ends."""


class SlowClient(OnwardError):
    """This client reads more slowly than its log is written, and was cut off; it may go on where it was."""

    code = "slow_client"
    status = 408


class Restarting(Unavailable):
    """This relay is stopping; connect again, and go on where you were."""

    code = "restarting"


def at_pace(send: Send, seconds: float) -> Send:
    """`send` that raises SlowClient where the client does not take a message within `seconds`."""

    async def paced(message: Any) -> None:
        try:
            async with asyncio.timeout(seconds):
                await send(message)
        except TimeoutError:
            raise SlowClient(
                f"the client did not read for {seconds:g} s", fix="connect again with after=<last line>"
            ) from None

    return paced


def let_speak(scope: Any) -> None:
    """Let one more message through to a client that does not read; it is gone soon after."""
    last_word = (scope.get("extensions") or {}).get(LAST_WORD)
    if last_word is not None:
        last_word()


async def first_of(*works: Awaitable[Any]) -> None:
    """Until the first of these is done, whose error is raised; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_closing(closing: asyncio.Event) -> None:
    """Raises Restarting once this process ends."""
    await closing.wait()
    raise Restarting(retry_after=1)
