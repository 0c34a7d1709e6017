"""The torture list, limits: many keys under kills, and a maximum lowered while it is held."""

import asyncio

import msgspec

from onward.contract.limit import LimitPolicy
from onward.testing.faults import CALM
from onward.testing.virtual_loop import simulate
from tests.simulation.installation import Installation, Setup, until
from tests.simulation.test_limit_rules import tasks
from tests.support.grants import most_at_once, still_held

SECOND = {"input": msgspec.Raw(b'{"seconds":1.0}')}
HUNDRED = {"input": msgspec.Raw(b'{"seconds":100.0}')}


def stored(here):
    return [item for log in here.logs.values() for item in log]


def holders(here):
    return {
        state.key: len(state.holders) for state, _ in here.bus.limits.stream.kept.values() if state.holders
    }


async def many_keys(random, executions=2000):
    """20 keys of 1 to 5 places, executions of one or two keys, workers and the keeper killed all the time."""
    keys = {f"key-{number}": 1 + number % 5 for number in range(20)}
    here = Installation(random, Setup(tasks=tasks, slots=40), workers=4, faults=CALM)
    for _ in range(executions):
        names = random.sample(sorted(keys), random.choice([1, 1, 2]))
        await here.client.submit("work", limits=tuple(LimitPolicy(n, max=keys[n]) for n in names), **SECOND)

    async def kill():
        while True:
            await asyncio.sleep(random.uniform(2, 8))
            here.kill(random.choice(here.workers))
            if random.random() < 0.3:
                here.bus.limits.kill()

    killing = asyncio.ensure_future(kill())
    left = await here.settled(3600)
    killing.cancel()
    await asyncio.sleep(30)
    return keys, most_at_once(stored(here)), left, holders(here), still_held(stored(here))


def test_20_keys_and_2000_executions_under_kills_never_hold_more_than_they_may_and_leak_nothing():
    keys, most, left, kept, held = simulate(1, many_keys)
    assert most == keys  # never more, and each was full at some time
    assert left == []
    assert (kept, held) == ({}, {})


async def lowered_while_held(random):
    here = Installation(random, Setup(tasks=tasks, slots=10), workers=2, faults=CALM)
    three = LimitPolicy("a", max=3)
    made = [await here.client.submit("work", limits=(three,), **HUNDRED) for _ in range(8)]
    await until(lambda: sum(here.state(one).held for one in made) == 3)
    lowered_at = here.bus.events.last
    here.bus.limits.rules["default", "a"] = LimitPolicy("a", max=1)
    for worker in list(here.workers):
        here.kill(worker)
    left = await here.settled(3600)
    await asyncio.sleep(30)
    before = [one for one in made if here.logs[one][1:] and here.logs[one][1].sequence <= lowered_at]
    later = [item for one in made if one not in before for item in here.logs[one]]
    return most_at_once(stored(here))["a"], most_at_once(later)["a"], left, holders(here)


def test_torture_12_a_limit_lowered_while_held_admits_nobody_until_it_fits_and_a_dead_holder_leaks_nothing():
    at_first, since, left, kept = simulate(1, lowered_while_held)
    assert at_first == 3  # those that held it were left alone, their workers' deaths too
    assert since == 1
    assert left == []
    assert kept == {}
