"""Plain functions on threads of their own: with their context, and stopped as far as Python lets one."""

import asyncio
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any

import msgspec
import pytest

from onward import Registry, Retry
from onward.contract import commands
from onward.contract import lines as li
from onward.contract.execution import Status
from onward.tasks.outcome import Interrupted
from tests.support.workshop import Workshop

ONCE = Retry(attempts=1)
mark: ContextVar[str] = ContextVar("mark", default="none")


async def told(shop: Workshop, execution: str) -> list[str]:
    chunks = await shop.gateway.lines.read("default", execution)
    found = [
        line for raw in chunks for line in msgspec.json.decode(li.head(raw.data).lines, type=list[li.Line])
    ]
    return [line.text for line in found if line.stream == "system"]


def spin(seen: list[str], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            time.sleep(0.005)
        seen.append("ran to its end")
    except Interrupted:
        seen.append("interrupted")
        raise


async def test_a_step_on_a_thread_sees_the_context_of_its_caller() -> None:
    registry = Registry()

    @registry.step
    def look() -> list[Any]:
        return [mark.get(), threading.current_thread() is threading.main_thread()]

    @registry.task
    async def work() -> list[Any]:
        mark.set("carried over")
        return await look()

    shop = Workshop(registry)
    engine = await shop.worker("one")
    state = await shop.ended(await shop.submit("work"), within=10)
    assert msgspec.json.decode(state.output) == ["carried over", False]
    await engine.drain(1)


async def test_a_cancel_interrupts_the_thread_of_a_step_after_the_grace_and_says_so() -> None:
    registry, seen, begun = Registry(), [], asyncio.Event()
    loop = asyncio.get_running_loop()

    @registry.step
    def long() -> None:
        loop.call_soon_threadsafe(begun.set)
        spin(seen)

    @registry.task
    async def work() -> None:
        await long()

    shop = Workshop(registry)
    engine = await shop.worker("one", grace=0.2)
    execution = await shop.submit("work")
    await begun.wait()
    asked = time.monotonic()
    await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
    assert (await shop.ended(execution, within=10)).status is Status.CANCELLED
    assert 0.2 <= time.monotonic() - asked < 2
    assert seen == ["interrupted"]
    assert any(
        "step long was stopped: by an exception in its thread" in text for text in await told(shop, execution)
    )
    await engine.drain(1)


async def test_a_step_on_a_thread_that_is_over_its_limit_is_interrupted_and_its_task_goes_on() -> None:
    registry, seen = Registry(), []

    @registry.step(timeout=0.1)
    def long() -> None:
        spin(seen)

    @registry.task
    async def work() -> str:
        try:
            await long()
        except TimeoutError:
            return "went on"
        return "no limit"

    shop = Workshop(registry)
    engine = await shop.worker("one")
    state = await shop.ended(await shop.submit("work"), within=10)
    assert (msgspec.json.decode(state.output), seen) == ("went on", ["interrupted"])
    await engine.drain(1)


async def test_an_async_task_that_stops_when_it_is_cancelled_says_so() -> None:
    registry = Registry()

    @registry.task
    async def work() -> None:
        await asyncio.sleep(60)

    shop = Workshop(registry)
    engine = await shop.worker("one")
    execution = await shop.submit("work")
    await shop.until(execution, lambda s: s.held, 5)
    await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
    await shop.ended(execution, within=5)
    assert [text for text in await told(shop, execution) if text.startswith("stopped (cancel)")] != []
    await engine.drain(1)


@pytest.mark.parametrize("how", ["async", "thread"])
async def test_sys_exit_in_a_task_fails_the_task_and_not_its_worker(how: str) -> None:
    registry = Registry()

    @registry.task(name="async", retry=ONCE)
    async def leaves() -> None:
        sys.exit(3)

    @registry.task(name="thread", retry=ONCE)
    def leaves_too() -> None:
        sys.exit(3)

    shop = Workshop(registry)
    engine = await shop.worker("one")
    state = await shop.ended(await shop.submit(how), within=10)
    assert (state.status, state.error.message) == (Status.FAILED, "SystemExit(3)")
    await engine.drain(1)
