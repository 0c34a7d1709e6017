"""Whose an execution is: an attempt that has let go of it does not go on, whatever it was told of its last append."""

import asyncio
from random import Random

import msgspec

from onward import Registry, ask, step
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.errors import Unavailable
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop


class RepliesLost:
    """An EventLog whose first suspension is stored, and nobody hears that."""

    def __init__(self, inner) -> None:
        self.inner, self.read, self.read_on, self.scan = inner, inner.read, inner.read_on, inner.scan
        self.lost = False

    async def append(self, decision):
        sequence = await self.inner.append(decision)
        if isinstance(decision.events[-1], ev.Suspended) and not self.lost:
            self.lost = True
            raise Unavailable("no reply")
        return sequence


def test_who_let_go_without_hearing_of_it_does_not_run_what_another_has_claimed() -> None:
    registry, began = Registry(), []

    async def work() -> None:
        began.append(1)
        await asyncio.sleep(5)

    @registry.task
    async def asks() -> str:
        answer = await ask("Go on?")
        await step("after", work)
        return answer

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one", wrap=lambda events, _: RepliesLost(events))
        execution = await shop.submit("asks")
        await shop.until(execution, lambda state: state.reason == "waiting_for_input" and not state.held)
        await shop.worker("two")
        yes = msgspec.Raw(b'"yes"')
        await shop.command(execution, lambda s, m: commands.answer(s, m, yes, None))
        await shop.ended(execution)
        assert began == [1]

    simulate(1, main)
