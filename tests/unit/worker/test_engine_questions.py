"""Answers reach the code that asks, once, whenever they come; in virtual time."""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from onward import Registry, Retry, ask, sleep, step, wait_event
from onward.contract import commands
from onward.contract.errors import Conflict, QuestionClosed
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


def test_an_answer_comes_back_as_the_type_that_was_asked_for() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        decision = await ask("Refund?", Decision, to="team:billing")
        return f"{decision.approved} {decision.note}"

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        state = await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        assert state.waits["question"].to == "team:billing"
        await shop.command(execution, answer({"approved": True, "note": "fine"}))
        assert output(await shop.ended(execution)) == "True fine"

    simulate(1, main)


def test_nothing_may_be_an_answer_and_a_default() -> None:
    registry = Registry()

    @registry.task
    async def work() -> list[int | None]:
        answered = await ask("How many?", int | None)
        return [answered, await ask("How many?", int | None, wait=60, default=None)]

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        await shop.command(execution, answer(None))
        assert output(await shop.ended(execution, 200)) == [None, None]

    simulate(16, main)


def test_after_its_time_a_question_has_its_default_and_takes_no_answer() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        chosen = await ask("Go on?", choices=["yes", "no"], wait=60, default="no")
        await sleep(100)
        return chosen

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        state = await shop.until(execution, lambda s: s.reason == "sleeping", 100)
        assert (state.waits["question"].expired, asyncio.get_running_loop().time() >= 60) == (True, True)
        with pytest.raises(QuestionClosed):
            await shop.command(execution, answer("yes"))
        assert output(await shop.ended(execution, 200)) == "no"

    simulate(2, main)


def test_without_a_default_a_missed_deadline_raises_and_is_not_tried_again() -> None:
    registry = Registry()

    @registry.task(retry=Retry(attempts=5, first=1.0))
    async def work() -> str:
        return await ask("Go on?", wait=60)

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        state = await shop.ended(execution, 100)
        assert (state.status, state.attempt) == (Status.FAILED, 1)
        assert state.error is not None
        assert "nobody answered in time" in state.error.message

    simulate(3, main)


def test_a_retry_asks_again_what_nobody_answered_in_time() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        return await ask("Go on?", wait=60)

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.ended(execution, 100)
        await shop.command(execution, commands.retry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        await shop.command(execution, answer("yes"))
        assert output(await shop.ended(execution)) == "yes"

    simulate(4, main)


def test_code_may_catch_a_missed_deadline_and_every_attempt_sees_the_same() -> None:
    registry, ran = Registry(), []

    @registry.task(retry=Retry(attempts=2, first=1.0))
    async def work() -> str:
        try:
            return await ask("Go on?", wait=60)
        except TimeoutError:
            await step("escalate", ran.append, 1)
        if len(ran) == 1:
            ran.append(2)
            raise ValueError("the first attempt fails later")
        return "escalated"

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        assert output(await shop.ended(execution, 200)) == "escalated"
        assert ran == [1, 2]

    simulate(5, main)


def test_a_deadline_that_passes_while_a_step_runs_is_stored_at_once() -> None:
    registry = Registry()

    @registry.task
    async def work() -> list[Any]:
        return list(await asyncio.gather(ask("Go on?", wait=10, default="no"), step("long", _slow, 60.0)))

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        state = await shop.until(execution, lambda s: any(w.expired for w in s.waits.values()))
        assert state.held
        assert 10 <= asyncio.get_running_loop().time() < 11
        assert output(await shop.ended(execution, 100)) == ["no", "slow"]

    simulate(6, main)


def test_an_answer_in_memory_is_noticed_at_once() -> None:
    registry = Registry()
    seen: list[float] = []

    @registry.task
    async def work() -> None:
        async def asks() -> None:
            await ask("Go on?")
            seen.append(asyncio.get_running_loop().time())

        await asyncio.gather(asks(), step("long", _slow, 60.0))

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: bool(s.waits))
        await asyncio.sleep(5)
        answered = asyncio.get_running_loop().time()
        await shop.command(execution, answer("yes"))
        await shop.ended(execution, 100)
        assert seen[0] - answered < 0.1

    simulate(7, main)


def test_two_open_questions_need_the_name_of_one() -> None:
    registry = Registry()

    @registry.task
    async def work() -> list[str]:
        return list(await asyncio.gather(ask("First?"), ask("Second?")))

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        with pytest.raises(Conflict, match="several questions are open"):
            await shop.command(execution, answer("x"))
        await shop.command(execution, answer("b", "question-2"))
        await shop.until(execution, lambda s: not s.held and not s.ready)
        await shop.command(execution, answer("a", "question"))
        assert sorted(output(await shop.ended(execution))) == ["a", "b"]

    simulate(8, main)


def test_a_question_beside_a_sleep_wakes_for_whichever_ends_first() -> None:
    registry = Registry()

    @registry.task
    async def work() -> str:
        answered, _ = await asyncio.gather(ask("Go on?", wait=300, default="late"), sleep(100))
        return answered

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        state = await shop.until(execution, lambda s: s.n > 6 and s.reason == "waiting_for_input", 200)
        assert 100 <= asyncio.get_running_loop().time() < 110
        assert not state.waits["question"].done
        assert output(await shop.ended(execution, 400)) == "late"
        assert 300 <= asyncio.get_running_loop().time() < 310

    simulate(9, main)


def test_what_comes_while_it_is_paused_or_between_two_attempts_is_kept() -> None:
    registry, tries = Registry(), []

    @registry.task(retry=Retry(attempts=2, first=50.0, jitter=False))
    async def work() -> list[str]:
        answered = await ask("Go on?")
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")
        return [answered, await ask("Sure?"), await wait_event("paid", str)]

    async def main(_: Random) -> None:
        shop, execution = await run(registry)
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        await shop.command(execution, lambda s, m: commands.pause(s, m, None))
        await shop.command(execution, answer("while paused"))
        await asyncio.sleep(30)
        assert tries == []
        await shop.command(execution, commands.resume)
        await shop.until(execution, lambda s: s.reason == "retrying")
        await shop.command(execution, event("paid", "between attempts"))
        await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        await shop.command(execution, answer("yes"))
        assert output(await shop.ended(execution, 200)) == ["while paused", "yes", "between attempts"]

    simulate(15, main)


async def _slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slow"
