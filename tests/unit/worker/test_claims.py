"""Whose an execution is: an attempt that has let go of it does not go on, whatever it was told of its last append."""

import asyncio
from random import Random

import msgspec

from onward import Registry, ask, step
from onward.contract import commands
from onward.contract import events as ev
from onward.contract.errors import FenceLost, Unavailable
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


class Emptied:
    """An EventLog that is deleted and made anew: the ends of all logs are gone."""

    def __init__(self, inner) -> None:
        self.inner, self.read, self.scan = inner, inner.read, inner.scan
        self.gone, self.refused = False, 0

    async def append(self, decision):
        if not self.gone:
            return await self.inner.append(decision)
        self.refused += 1
        raise FenceLost("wrong last sequence: 0", floor=0)

    async def read_on(self, log, *, floor=0):
        return log if self.gone else await self.inner.read_on(log, floor=floor)


def test_who_holds_what_the_log_has_lost_lets_go_of_it() -> None:
    registry, emptied = Registry(), []

    async def work() -> None:
        await asyncio.sleep(5)

    @registry.task
    async def works() -> None:
        await step("one", work)

    def wrap(events, _):
        emptied.append(Emptied(events))
        return emptied[-1]

    async def main(_: Random) -> None:
        shop = Workshop(registry)
        await shop.worker("one", wrap=wrap)
        execution = await shop.submit("works")
        await shop.until(execution, lambda state: state.held)
        assert len(shop.engines["one"].env.holds) == 1
        emptied[0].gone = True
        await asyncio.sleep(20)
        assert shop.engines["one"].env.holds == {}
        assert emptied[0].refused < 20

    simulate(1, main)
