"""What follows an execution comes to be, once for each end, whatever goes wrong meanwhile."""

import asyncio
import contextlib
from collections import Counter
from random import Random

import pytest

from onward.bus.triggers import TriggerKeeper
from onward.contract import events as ev
from onward.contract.errors import Unavailable
from onward.testing.faults import ROUGH
from onward.testing.virtual_loop import simulate
from tests.support.builders import raw
from tests.support.follow_ups import EACH, TIDY, Shop, branch, out, played, registry


class Away:
    """An EventLog that cannot be reached so many times."""

    def __init__(self, events, times):
        self._events, self.times = events, times

    def __getattr__(self, name):
        return getattr(self._events, name)

    async def append(self, decision):
        self.times -= 1
        if self.times >= 0:
            raise Unavailable("no leader")
        return await self._events.append(decision)


@pytest.mark.parametrize("times", [3, 40])
def test_a_keeper_that_reaches_nobody_for_long_makes_up_for_it(times):
    async def main(shop):
        keeper = shop.bus.keeper
        away = Away(keeper.events, times)
        shop.bus.triggers = TriggerKeeper(away, keeper.objects, keeper.moment, keeper.run)
        first = await shop.begin(EACH)
        await shop.ended(first)

        assert out(await shop.followed(first)) == "plain a 1"
        assert out(await shop.followed(first, "any")) == "tidy"
        assert away.times < 0

    played(main)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_bad_day_each_end_is_followed_once(seed):
    again = branch("success", "build", input=raw({"size": 2}), then=(branch("success", "publish"),))
    chain = (again, branch("failure", "tidy", input=TIDY))

    async def play(_: Random):
        shop = Shop(registry, seed, faults=ROUGH)
        for name in ("one", "two"):
            await shop.worker(name)
        begun = 0
        for place in range(20):
            with contextlib.suppress(Unavailable):
                await shop.begin(chain, {"fail": place % 2 == 1})
                begun += 1
        shop.kill("one")
        await asyncio.sleep(300)

        events = [ev.decode(raw.data) for raw in shop.bus.events.raws]
        ends = [one for one in events if isinstance(one, ev.TERMINAL)]
        followed = [one.execution_id for end in ends for one in end.then if one.execution_id]
        made = [one for one in events if isinstance(one, ev.Submitted) and one.triggered_by]
        assert begun > 10
        assert len(followed) > begun
        assert Counter(one.execution_id for one in made) == Counter(followed)
        assert {one.execution_id for one in made} <= {end.execution_id for end in ends}

    simulate(seed, play)
