"""Families whose events are older than the horizon (PROTOCOL T2, T3)."""

import asyncio
from collections import Counter
from random import Random

import msgspec

from onward import Registry, Retry
from onward.contract import commands, family
from onward.contract.carry import carry
from onward.contract.execution import Status
from onward.contract.log import Decision, Log, Stored
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop
from tests.unit.onward_gateway.door import StateDouble

PROJECT = "default"
ran, broken = [], set()
registry = Registry()


@registry.task(retry=Retry(attempts=1))
async def leaf(number: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    ran.append(number)
    if number in broken:
        raise ValueError(f"no {number}")
    return number


@registry.task(retry=Retry(attempts=1))
async def parent(seconds: float) -> int:
    return sum(await leaf.map([{"number": number, "seconds": seconds} for number in (1, 2, 3)]))


def run(seconds, act):
    ran.clear()
    broken.clear()

    async def main(_: Random):
        shop = Workshop(registry)
        state = StateDouble(shop.bus)
        await state.start()
        await shop.worker("one", slots=2)
        execution = await shop.submit("parent", {"seconds": seconds})
        return await act(shop, state, execution)

    return simulate(1, main)


async def let_a_horizon_pass(shop, state):
    """What retention does: carry what is open, then purge all that is older."""
    before = shop.bus.events.last
    for project, execution in list(shop.bus.events._logs):
        log = await shop.gateway.events.read(project, execution)
        if log is not None and not log.execution.ended:
            told = [item.event for item in log.stored]
            events = carry(log.execution, told, shop.gateway.moment())
            await shop.gateway.events.append(
                Decision(project=project, execution_id=execution, expected=log.sequence, events=events)
            )
    state.project()
    shop.bus.events.purge(before)


async def retry(shop, state, execution):
    """What the gateway does about an execution whose log is purged."""
    told = [item.event for item in state.logs[PROJECT, execution]]
    carried = carry(Log.of(Stored(event.n, event) for event in told).execution, told, shop.gateway.moment())
    back = Log.of(Stored(event.n, event) for event in carried).execution
    decision = (*carried, *commands.retry(back, shop.gateway.moment()))
    await shop.gateway.events.append(
        Decision(project=PROJECT, execution_id=execution, expected=0, events=decision)
    )


def test_t2_a_parent_that_is_carried_while_it_waits_hears_of_all_its_children():
    async def act(shop, state, execution):
        await asyncio.sleep(10)
        await let_a_horizon_pass(shop, state)
        return await shop.ended(execution, within=1000)

    done = run(100.0, act)
    assert (done.status, msgspec.json.decode(done.output)) == (Status.COMPLETED, 6)
    assert Counter(ran) == {1: 1, 2: 1, 3: 1}


def test_t3_a_retried_parent_revives_a_purged_child_and_creates_none_anew():
    async def act(shop, state, execution):
        broken.add(2)
        assert (await shop.ended(execution, within=100)).status is Status.FAILED
        await asyncio.sleep(60)
        await let_a_horizon_pass(shop, state)
        broken.clear()
        await retry(shop, state, execution)
        done = await shop.ended(execution, within=100)
        children = [family.ids.child_id(execution, "leaf", 3, index) for index in range(3)]
        lives = [(await shop.log(child)).execution.lives for child in children if child in living(shop)]
        return done, lives

    done, lives = run(1.0, act)
    assert (done.status, msgspec.json.decode(done.output)) == (Status.COMPLETED, 6)
    # The third was stopped with its parent; the first had completed, and is not run again.
    assert (Counter(ran), lives) == ({1: 1, 2: 2, 3: 1}, [2, 2])


def living(shop):
    return {execution for (_, execution), stored in shop.bus.events._logs.items() if stored}
