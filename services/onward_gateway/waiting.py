"""`?wait=`: listens to one execution's log until it has ended; held for repair is no end.

No polling: its echo is heard first, then it is read.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance
from onward.contract.log import Log
from onward_gateway.gateway import Gateway

LOOK_SECONDS = 5.0
"""An echo can get lost, so the log itself is looked at this often."""


class Watch:
    """What is heard of one log, in order, on top of what was read of it."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self._heard: dict[int, ev.AnyEvent] = {}

    async def heard(self, _subject: str, data: bytes) -> None:
        """One stored event, once more."""
        with contextlib.suppress(msgspec.MsgspecError):
            event = ev.decode(data)
            self._heard[event.n] = event
            self.news.set()

    def on_top_of(self, state: Execution) -> Execution | None:
        """`state` with all that was heard since, or None where something in between was missed."""
        self.news.clear()
        heard, self._heard = self._heard, {}
        for n in sorted(heard):
            if n <= state.n:
                continue
            try:
                after = advance(state, heard[n])
            except BrokenLog:
                return None
            if isinstance(after, Refused):
                return None
            state = after
        return state


async def until_ended(
    gateway: Gateway, project: str, execution_id: str, seconds: float, *leaves: Callable[[], Awaitable[Any]]
) -> Execution:
    """The execution once it has ended; or as it is after `seconds`, or when the caller `leaves`, or on our end.

    Raises what one of `leaves` raises.
    """
    watch = Watch()
    async with _listening(gateway, subjects.echo(subjects.fence(project, execution_id)), watch):
        found = await gateway.finder.find(project, execution_id)
        if found.execution.final or not isinstance(found, Log):
            return found.execution
        async with _any_of(*(leave() for leave in leaves), gateway.closing.wait()) as leave:
            return await _follow(gateway, found, watch, seconds, leave)


async def _follow(
    gateway: Gateway, log: Log, watch: Watch, seconds: float, leave: "asyncio.Future[Any]"
) -> Execution:
    loop = asyncio.get_running_loop()
    end, look = loop.time() + seconds, loop.time() + LOOK_SECONDS
    state = log.execution
    while not state.final:
        left = min(end, look) - loop.time()
        if left > 0 and not await _news(watch, leave, left):
            return state
        after = watch.on_top_of(state)
        if after is None or loop.time() >= look:
            log = await gateway.events.read_on(log)
            after, look = log.execution, loop.time() + LOOK_SECONDS
        state = after if after.n > state.n else state
        if loop.time() >= end:
            break
    return state


async def _news(watch: Watch, leave: "asyncio.Future[Any]", seconds: float) -> bool:
    """Waits for something to look at; False where it is time to go."""
    if watch.news.is_set():
        return True
    news = asyncio.ensure_future(watch.news.wait())
    await asyncio.wait({news, leave}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    news.cancel()
    return not leave.done()


@contextlib.asynccontextmanager
async def _listening(gateway: Gateway, subject: str, watch: Watch) -> AsyncIterator[None]:
    unsubscribe = await gateway.messages.subscribe(subject, watch.heard)
    try:
        yield
    finally:
        # The answer does not wait for the goodbye.
        gateway.later(unsubscribe())


@contextlib.asynccontextmanager
async def _any_of(*waits: Awaitable[Any]) -> "AsyncIterator[asyncio.Future[Any]]":
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    first = asyncio.ensure_future(asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))
    try:
        yield first
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in (first, *tasks):
            task.cancel()
