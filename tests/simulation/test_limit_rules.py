"""PROTOCOL, "Limits": each rule holds in simulation, and what breaks without it."""

import asyncio
from contextlib import suppress

import msgspec

from onward import Registry, Retry
from onward.bus.limit_keeper import LimitKeeper
from onward.contract import events as ev
from onward.contract import limits
from onward.contract.limit import LimitPolicy
from onward.tasks import context
from onward.testing.faults import CALM, ROUGH
from onward.testing.limits import LimitKeeping, LimitStream, concerns_limits
from tests.simulation.installation import Installation, Setup, broken, first_broken, said, until
from tests.support.grants import most_at_once, still_held

KEYS = {"a": 1, "b": 2, "c": 3}
SEEDS = range(6)


def tasks(worker):
    registry = Registry()

    @registry.task(retry=Retry(attempts=6, first=0.5, cap=2.0))
    async def work(seconds: float = 2.0) -> str:
        session = context.execution()
        worker.effect(session.execution_id, "/work", session.attempt, "begin")
        await asyncio.sleep(seconds * worker.process.random.random())
        if worker.process.random.random() < 0.1:
            raise ValueError("bad luck")
        worker.effect(session.execution_id, "/work", session.attempt, "end")
        return "done"

    return registry


def some_limits(random):
    """One key, or two of them; in any order."""
    names = random.sample(sorted(KEYS), random.choice([1, 1, 2]))
    return tuple(LimitPolicy(name, max=KEYS[name]) for name in names)


async def wear_keepers(here, keepings):
    while True:
        await asyncio.sleep(here.random.uniform(1, 10))
        here.random.choice(keepings).kill()


def limited_day(*, replicas=1, submissions=25, retries=True):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=4), workers=2, faults=ROUGH)
        keepings = [here.bus.limits]
        for _ in range(replicas - 1):
            twin = LimitKeeping(here.bus.work, here.bus.process)
            twin.stream = here.bus.limits.stream
            here.bus.events.listeners.append(
                lambda stored, twin=twin: twin.hear(stored) if concerns_limits(stored) else None
            )
            keepings.append(twin)
        killing = asyncio.ensure_future(wear_keepers(here, keepings))
        people = asyncio.ensure_future(here.people())
        here.impatient = retries
        for _ in range(submissions):
            await here.client.submit("work", limits=some_limits(random))
        await here.wear(30)
        here.impatient = False
        left = await here.settled(600)
        killing.cancel()
        people.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(30):  # so long may a grant outlive its execution
                while any(state.holders for state, _ in here.bus.limits.stream.kept.values()):
                    await asyncio.sleep(1)
        return wrong(here, left)

    return main


def wrong(here, left):
    stored = [item for log in here.logs.values() for item in log]
    over = {key: most for key, most in most_at_once(stored).items() if most > KEYS[key]}
    if over:
        return f"too many at once: {over}"
    if left:
        return f"{len(left)} wait for ever, first as {here.state(left[0]).reason}"
    leaked = {
        state.key: len(state.holders) for state, _ in here.bus.limits.stream.kept.values() if state.holders
    }
    if leaked or still_held(stored):
        return f"leaked: {leaked} {still_held(stored)}"
    return said(here.report())


# L1: a key is a log of its own; the keeper appends to it, then admits


def test_l1_no_key_is_ever_held_by_more_than_its_maximum_and_none_is_leaked():
    assert broken(limited_day(), SEEDS) == {}


def test_l1_several_keepers_are_safe_by_the_fence():
    assert broken(limited_day(replicas=2), SEEDS) == {}


def test_l1_without_the_fence_of_the_key_two_keepers_give_it_twice(monkeypatch):
    def unfenced(self, state, expected):
        """PLANTED: whoever writes last wins."""
        self.last += 1
        self.kept[state.project, state.key] = state, self.last
        return self.last

    monkeypatch.setattr(LimitStream, "append", unfenced)
    assert first_broken(limited_day(replicas=2), SEEDS)


def test_l1_without_the_release_by_the_end_grants_leak(monkeypatch):
    monkeypatch.setattr(LimitKeeper, "_release", lambda self, *_, again=False: [])
    assert first_broken(limited_day(), SEEDS)


def test_l1_a_hint_that_is_acked_before_its_execution_is_admitted_strands_it(monkeypatch):
    async def acked_first(self, waiter, grants):
        """PLANTED: done with the hint as soon as the key is granted."""
        await self._errands.acked(list(waiter.hints.values()))
        await asyncio.sleep(0.5)
        with suppress(KeyError):
            await self._acts.admit(waiter, grants)
            del self._admitting[waiter.id]

    monkeypatch.setattr(LimitKeeper, "_admit", acked_first)
    assert first_broken(limited_day(), SEEDS)


async def late_release(random):
    """What is wrong after the day of a late release."""
    here, left = await released_late(random)
    return wrong(here, left)


async def released_late(random):
    """The end of a life is heard of once more, by a new keeper, while the next life holds the key."""
    here = Installation(random, Setup(tasks=tasks, slots=4), workers=1, faults=CALM)
    one = {"limits": (LimitPolicy("a", max=1),), "input": msgspec.Raw(b'{"seconds":100}')}
    first = await here.client.submit("work", **one)
    await until(lambda: here.state(first).held)
    await here.client.cancel(first)
    await until(lambda: here.ended(first))
    (end,) = [item for item in here.logs[first] if isinstance(item.event, ev.Cancelled)]
    await here.client.retry(first)
    await until(lambda: here.state(first).held)
    await here.client.submit("work", **one)
    here.bus.limits.kill()
    here.bus.limits.hear(end)
    return here, await here.settled(600)


def test_l1_a_late_release_leaves_what_a_later_life_was_given():
    assert broken(late_release, range(3)) == {}


def test_l1_a_late_release_that_names_no_n_takes_what_a_later_life_was_given(monkeypatch):
    def anyhow(state, execution_id, n):
        """PLANTED: whoever it is, it holds the key no more."""
        return released(state, execution_id, 2**31)

    released = limits.released
    monkeypatch.setattr(limits, "released", anyhow)
    assert "too many" in str(first_broken(late_release, range(3)))


def test_l1_an_execution_that_was_admitted_without_the_keys_log_is_one_too_many(monkeypatch):
    monkeypatch.setattr(limits, "blocked", lambda *_: None)
    assert "too many" in str(first_broken(limited_day(), SEEDS))
