"""Policies are asked about children: one that is denied never runs, and its parent hears why."""

import asyncio
from random import Random

import msgspec

from onward import ChildFailed, Registry, Retry
from onward.contract import commands, family
from onward.contract import events as ev
from onward.contract.errors import Unavailable
from onward.testing.virtual_loop import simulate
from tests.support.workshop import Workshop

DENIAL = ev.Failure(type="policy_denied", message="policy prod, rule odd: no odd ones", retryable=False)


class Rules:
    """Denies what has an odd input; while it is `away`, nobody can say."""

    def __init__(self) -> None:
        self.away, self.stands, self.asked = 0, True, []

    async def ask(self, one):
        if self.away:
            self.away -= 1
            raise Unavailable("no gateway answers")
        self.asked.append(one.task)
        return DENIAL if self.stands and msgspec.json.decode(one.input)["number"] % 2 else None


def run(parent, rules, then=None):
    registry, ran = Registry(), []

    @registry.task(retry=Retry(attempts=3))
    async def leaf(number: int) -> int:
        ran.append(number)
        return number

    @registry.task(name="parent", retry=Retry(attempts=1))
    async def above() -> object:
        return await parent(leaf)

    async def main(_: Random):
        shop = Workshop(registry)
        await shop.worker("one", slots=20)
        env = shop.engines["one"].env
        env.kin = msgspec.structs.replace(env.kin, permit=rules.ask)
        execution = await shop.submit("parent")
        state = await shop.ended(execution, within=600)
        if then is not None:
            state = await then(shop, execution)
        await asyncio.sleep(60)
        return state, await child_of(shop, execution)

    state, child = simulate(1, main)
    return state, child, ran


async def child_of(shop, parent):
    """The log of its first child."""
    state = (await shop.log(parent)).execution
    name, group = next(iter(state.groups.items()))
    return await shop.log(family.ids.child_id(parent, name, group.born, 0))


async def one(leaf):
    return await leaf.run(1)


def test_seed_policies_a_denied_child_never_runs_and_its_parent_hears_the_rule():
    state, child, ran = run(one, Rules())

    assert state.status == "failed"
    assert state.error.message.endswith(DENIAL.message)
    assert ran == []
    assert [ev.event_type(item.event) for item in child.stored] == ["submitted", "failed"]
    assert (child.execution.status, child.execution.reason, child.execution.attempt) == (
        "failed",
        "policy_denied",
        0,
    )


def test_those_of_many_that_are_allowed_run_and_the_others_stand_in_the_list():
    async def many(leaf):
        found = await leaf.map(range(4), tolerate=4)
        return [one.message if isinstance(one, ChildFailed) else one for one in found]

    state, _, ran = run(many, Rules())

    assert msgspec.json.decode(state.output) == [0, DENIAL.message, 2, DENIAL.message]
    assert sorted(ran) == [0, 2]


def test_while_nobody_says_a_child_waits():
    rules = Rules()
    rules.away, rules.stands = 3, False

    state, _, ran = run(one, rules)

    assert (state.status, ran, rules.asked) == ("completed", [1], ["leaf"])


def test_a_retried_parent_has_its_denied_child_asked_about_again():
    rules = Rules()

    async def again(shop, execution):
        await shop.command(execution, commands.retry)
        return await shop.ended(execution, within=600)

    async def again_without_the_rule(shop, execution):
        rules.stands = False
        return await again(shop, execution)

    still, child, ran = run(one, rules, again)
    assert (still.status, ran) == ("failed", [])
    assert still.error.message.endswith(DENIAL.message)
    assert (child.execution.lives, child.execution.attempt) == (2, 0)

    allowed, child, ran = run(one, rules, again_without_the_rule)
    assert (allowed.status, child.execution.status, ran) == ("completed", "completed", [1])
