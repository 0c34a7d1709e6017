"""Events from outside reach the code that waits for them, once, whenever they come; in virtual time."""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from onward import Registry, send_event, sleep, step, wait_event
from onward.contract import commands
from onward.contract.errors import AlreadyEnded
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class Decision(msgspec.Struct):
    approved: bool
    note: str = ""


def given(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def answer(value: Any, question: str | None = None) -> Any:
    return lambda state, moment: commands.answer(state, moment, given(value), question)


def event(name: str, value: Any = None, key: str | None = None) -> Any:
    return lambda state, moment: commands.receive(state, moment, name=name, value=given(value), key=key)


def output(state: Any) -> Any:
    return msgspec.json.decode(state.output)


def output_of(wait: Any) -> Any:
    return msgspec.json.decode(wait.answer)


async def run(registry: Registry) -> tuple[Workshop, str]:
    """A shop with one worker, and an execution of the registry's first task."""
    shop = Workshop(registry)
    await shop.worker("one")
    return shop, await shop.submit(next(iter(registry.tasks)))


def test_torture_07_an_event_arrives_before_the_wait_duplicated_and_after_cancel() -> None:
    registry = Registry()

    @registry.task
    async def work() -> list[int]:
        await step("before", _slow, 10.0)
        first = await wait_event("paid", int)
        second = await wait_event("paid", int)
        await sleep(1000)
        return [first, second]

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.held)
        early = await shop.command(execution, event("paid", 1, "a"))
        again = commands.receive(early, shop.gateway.moment(), name="paid", value=given(1), key="a")
        assert again == ()
        await shop.command(execution, event("paid", 2, "b"))
        state = await shop.until(execution, lambda s: s.reason == "sleeping")
        assert [bytes(w.answer) for w in state.waits.values() if w.kind == "event"] == [b"1", b"2"]
        await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
        with pytest.raises(AlreadyEnded):
            await shop.command(execution, event("paid", 3, "c"))
        assert (await shop.ended(execution)).status is Status.CANCELLED

    simulate(10, main)


def test_each_wait_takes_one_event_in_the_order_in_which_they_came() -> None:
    registry = Registry()

    @registry.task
    async def work() -> list[str]:
        return list(await asyncio.gather(*(wait_event("line", str) for _ in range(3))))

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_event")
        for text in ("a", "b", "c"):
            await shop.command(execution, event("line", text))
            await shop.until(execution, lambda s: s.ended or (not s.held and not s.ready))
        state = await shop.ended(execution)
        oldest_first = sorted(state.waits.values(), key=lambda wait: wait.n)
        assert [output_of(wait) for wait in oldest_first] == ["a", "b", "c"]
        assert sorted(output(state)) == ["a", "b", "c"]

    simulate(11, main)


def test_an_event_that_does_not_come_in_time_is_its_default_or_an_error() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        none = await wait_event("paid", str, timeout=60, default="unpaid")
        try:
            await wait_event("paid", timeout=60)
        except TimeoutError as error:
            return f"{none}: {error}"
        return "?"

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        assert output(await shop.ended(execution, 200)) == "unpaid: no event paid came in time"

    simulate(12, main)


def test_one_execution_sends_another_an_event_once_even_if_it_dies_before_it_has_noted_that() -> None:
    registry = Registry()

    @registry.task
    async def receiver() -> list[int]:
        got = [await wait_event("done", int)]
        got.append(await wait_event("done", int, timeout=100, default=-1))
        return got

    @registry.task
    async def sender(to: str) -> None:
        await send_event(to, "done", 7)

    async def main(_: Random) -> None:
        shop = Workshop(registry, ack_wait=5.0)
        await shop.worker("one")
        receiving = await shop.submit("receiver")
        await shop.until(receiving, lambda s: s.reason == "waiting_for_event")
        shop.bus.events.listeners.append(
            lambda stored: shop.kill("one") if stored.event.execution_id == receiving else None
        )
        sending = await shop.submit("sender", {"to": receiving})
        await shop.until(receiving, lambda s: s.waits["event.done"].done)
        shop.bus.events.listeners.pop()
        await shop.worker("two")
        assert (await shop.ended(sending)).status is Status.COMPLETED
        assert output(await shop.ended(receiving, 300)) == [7, -1]
        assert "recovered" in await shop.types(sending)

    simulate(13, main)


def test_an_event_for_what_has_ended_is_an_error_of_the_sender() -> None:
    registry = Registry()

    @registry.task
    async def gone() -> None:
        return

    @registry.task
    async def sender(to: str) -> str:
        try:
            await send_event(to, "done")
        except AlreadyEnded as error:
            return error.code
        return "?"

    async def main(_: Random) -> None:
        shop, ended = await run(registry)
        await shop.ended(ended)
        assert output(await shop.ended(await shop.submit("sender", {"to": ended}))) == "already_ended"

    simulate(14, main)


async def _slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slow"
