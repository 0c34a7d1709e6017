"""What happens when the last attempt has failed: it fails, is held for repair, or a person is asked."""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from onward import Fatal, Registry, Retry
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.execution import Status
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class Flaky:
    """A task that fails while it is `down`."""

    def __init__(self, on_exhausted: Any, error: Exception | None = None) -> None:
        self.registry, self.down, self.tries = Registry(), True, 0

        @self.registry.task(retry=Retry(attempts=2, first=1.0, jitter=False), on_exhausted=on_exhausted)
        async def flaky() -> str:
            self.tries += 1
            if self.down:
                raise error or ConnectionError("down")
            return "up"

        @self.registry.task(retry=Retry(attempts=1))
        async def parent() -> str:
            return await flaky.run()


def test_held_it_ends_no_life_and_its_parent_waits_until_it_is_repaired() -> None:
    flaky = Flaky("hold")

    async def main(_: Random) -> None:
        shop = Workshop(flaky.registry)
        await shop.worker("one")
        parent = await shop.submit("parent")
        state = await shop.until(parent, lambda s: s.reason == "waiting_for_children")
        await asyncio.sleep(1000)
        (child,) = {ev.decode(raw.data).execution_id for raw in shop.bus.events.raws} - {parent}
        held = (await shop.log(child)).execution
        assert (held.status, held.reason, held.final, flaky.tries) == (Status.FAILED, "held", False, 2)
        assert not (await shop.log(parent)).execution.ended
        flaky.down = False
        await shop.command(child, commands.retry)
        state = await shop.ended(parent)
        assert (state.status, msgspec.json.decode(state.output or b"")) == (Status.COMPLETED, "up")

    simulate(1, main)


@pytest.mark.parametrize("answer", ["retry", "fail"])
def test_asked_a_person_gives_it_all_its_attempts_again_or_lets_it_fail(answer: str) -> None:
    flaky = Flaky("ask")

    async def main(_: Random) -> None:
        shop = Workshop(flaky.registry)
        await shop.worker("one")
        execution = await shop.submit("flaky")
        state = await shop.until(execution, lambda s: s.reason == "waiting_for_input")
        (wait,) = state.waits.values()
        assert (wait.choices, state.held, flaky.tries) == (("retry", "fail"), False, 2)
        assert "ConnectionError: down" in (wait.text or "")
        flaky.down = answer == "fail"
        given = msgspec.Raw(msgspec.json.encode(answer))
        await shop.command(execution, lambda s, m: commands.answer(s, m, given, None))
        state = await shop.ended(execution)
        expected = (Status.COMPLETED, None, 3) if answer == "retry" else (Status.FAILED, "exhausted", 2)
        assert (state.status, state.reason, flaky.tries) == expected

    simulate(2, main)


@pytest.mark.parametrize("policy", ["hold", "ask"])
def test_what_trying_again_cannot_help_fails_at_once(policy: str) -> None:
    flaky = Flaky(policy, Fatal("wrong"))

    async def main(_: Random) -> None:
        shop = Workshop(flaky.registry)
        await shop.worker("one")
        state = await shop.ended(await shop.submit("flaky"))
        assert (state.reason, flaky.tries) == ("error", 1)

    simulate(3, main)
