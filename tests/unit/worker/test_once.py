"""Steps that run at most once: what is known of them, what is in doubt, and who finds out."""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from onward import InDoubt, NotDone, Registry, Retry, once
from onward.contract import commands, history
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class Bank:
    """A task that sends money once, slowly; it may have arrived before the worker dies, or not."""

    def __init__(self, *, arrives: bool = True, **policy: Any) -> None:
        self.registry, self.sent, self.looked = Registry(), [], []
        self.errors: list[Exception] = []

        async def find(amount: int) -> str:
            self.looked.append(amount)
            if not self.sent:
                raise NotDone
            return f"found {amount}"

        @self.registry.step(once=True, verify=find if policy.pop("verify", False) else None, **policy)
        async def send(amount: int) -> str | None:
            if self.errors:
                raise self.errors.pop(0)
            if arrives:
                self.sent.append(amount)
            await asyncio.sleep(100)
            self.sent += [] if arrives else [amount]
            return f"sent {amount}"

        @self.registry.task(retry=Retry(attempts=2, first=1.0))
        async def pay() -> str | None:
            return await send(5)

    async def killed_in_the_middle(self) -> tuple[Workshop, str]:
        shop = Workshop(self.registry, ack_wait=5.0)
        await shop.worker("one")
        execution = await shop.submit("pay")
        await shop.until(execution, lambda s: bool(s.in_doubt))
        await asyncio.sleep(1)
        shop.kill("one")
        await shop.worker("two")
        return shop, execution


def output(state: Any) -> Any:
    return msgspec.json.decode(state.output or b"null")


def test_it_runs_once_and_its_beginning_is_stored_first() -> None:
    bank = Bank()

    async def main(_: Random) -> None:
        shop = Workshop(bank.registry)
        await shop.worker("one")
        execution = await shop.submit("pay")
        state = await shop.ended(execution, within=200)
        assert (output(state), bank.sent, state.in_doubt) == ("sent 5", [5], {})
        assert (await shop.types(execution))[2:4] == ["step_started", "checkpoint_reached"]

    simulate(1, main)


@pytest.mark.parametrize("arrives", [True, False])
def test_after_a_crash_the_verify_hook_decides(arrives: bool) -> None:
    bank = Bank(arrives=arrives, verify=True)

    async def main(_: Random) -> None:
        shop, execution = await bank.killed_in_the_middle()
        state = await shop.ended(execution, within=300)
        assert output(state) == ("found 5" if arrives else "sent 5")
        assert (bank.sent, bank.looked) == ([5], [5])

    simulate(2, main)


@pytest.mark.parametrize("answer", ["done", "again", "fail"])
def test_without_a_hook_a_person_decides_and_nothing_runs_before(answer: str) -> None:
    bank = Bank()

    async def main(_: Random) -> None:
        shop, execution = await bank.killed_in_the_middle()
        state = await shop.until(execution, lambda s: s.reason == "in_doubt")
        (wait,) = state.waits.values()
        assert (wait.choices, state.held) == (("done", "again", "fail"), False)
        (view,) = history.steps(s.event for s in (await shop.log(execution)).stored)
        assert view.status == "in_doubt"
        await asyncio.sleep(1000)
        assert bank.sent == [5]
        given = msgspec.Raw(msgspec.json.encode(answer))
        await shop.command(execution, lambda s, m: commands.answer(s, m, given, None))
        state = await shop.ended(execution, within=300)
        expected = {
            "done": (Status.COMPLETED, None, [5]),
            "again": (Status.COMPLETED, "sent 5", [5, 5]),
            "fail": (Status.FAILED, None, [5]),
        }
        assert (state.status, output(state), bank.sent) == expected[answer]

    simulate(3, main)


def test_a_person_may_give_the_result_and_say_done() -> None:
    bank = Bank()

    async def main(_: Random) -> None:
        shop, execution = await bank.killed_in_the_middle()
        await shop.until(execution, lambda s: s.reason == "in_doubt")
        given = {"scope": "", "name": "send", "key": "", "result": msgspec.Raw(b'"receipt 17"')}
        await shop.command(execution, lambda s, m: commands.edit_step(s, m, **given))
        done = msgspec.Raw(b'"done"')
        await shop.command(execution, lambda s, m: commands.answer(s, m, done, None))
        assert output(await shop.ended(execution)) == "receipt 17"

    simulate(4, main)


def test_what_its_function_raises_is_known_and_retried_like_any_step() -> None:
    bank = Bank(retry=Retry(attempts=3, first=1.0))
    bank.errors = [ValueError("no such account"), ConnectionError("refused")]

    async def main(_: Random) -> None:
        shop = Workshop(bank.registry)
        await shop.worker("one")
        execution = await shop.submit("pay")
        assert output(await shop.ended(execution, within=200)) == "sent 5"
        types = await shop.types(execution)
        assert (types.count("step_started"), types.count("step_failed")) == (3, 2)
        assert "question_asked" not in types

    simulate(5, main)


@pytest.mark.parametrize("error", [TimeoutError("the bank is slow"), InDoubt("cut off")])
def test_a_timeout_and_what_says_so_are_in_doubt_at_once(error: Exception) -> None:
    bank, asked = Bank(), Bank(verify=True)
    bank.errors, asked.errors = [error], [error]

    async def main(_: Random) -> None:
        shop = Workshop(bank.registry)
        await shop.worker("one")
        execution = await shop.submit("pay")
        state = await shop.until(execution, lambda s: s.reason == "in_doubt")
        assert (state.attempt, bank.sent) == (1, [])
        other = Workshop(asked.registry)
        await other.worker("one")
        # The hook says that it did not happen: the try has failed, and the next attempt sends.
        assert output(await other.ended(await other.submit("pay"), within=300)) == "sent 5"
        assert (asked.looked, asked.sent) == ([5], [5])

    simulate(6, main)


def test_a_step_cut_short_by_a_cancel_is_in_doubt_when_the_execution_is_retried() -> None:
    bank = Bank(verify=True)

    async def main(_: Random) -> None:
        shop = Workshop(bank.registry)
        await shop.worker("one")
        execution = await shop.submit("pay")
        await shop.until(execution, lambda s: bool(s.in_doubt))
        await shop.command(execution, lambda s, m: commands.cancel(s, m, None))
        await shop.ended(execution)
        await shop.command(execution, commands.retry)
        assert output(await shop.ended(execution, within=300)) == "found 5"
        assert bank.sent == [5]

    simulate(7, main)


def test_any_function_can_be_run_at_most_once_by_name() -> None:
    registry = Registry()

    @registry.task
    async def work() -> int:
        return await once("count", len, "four")

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one")
        execution = await shop.submit("work")
        assert output(await shop.ended(execution)) == 4
        assert "step_started" in await shop.types(execution)

    simulate(8, main)
