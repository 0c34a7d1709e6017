"""PROTOCOL, "Family": each rule holds in simulation, and what breaks without it."""

import asyncio
from collections import Counter

import msgspec
from msgspec.structs import replace

from onward import ChildFailed, Registry, Retry
from onward.bus import family as keeping
from onward.bus.family import FamilyKeeper
from onward.contract import events as ev
from onward.contract import family, ids
from onward.contract.execution import Status
from onward.contract.lifecycle import waiting
from onward.tasks import context
from onward.testing.faults import CALM, ROUGH
from onward.testing.virtual_loop import simulate
from onward.worker.offspring import Offspring
from tests.simulation.installation import (
    PROJECT,
    Installation,
    Setup,
    broken,
    first_broken,
    said,
    until,
)

CHILDREN = 12
KILLS = [(call, after) for call in range(2, 40) for after in (False, True)]


def tasks(worker):
    registry = Registry()

    @registry.task(retry=Retry(attempts=4, first=0.5))
    async def leaf(number: int, seconds: float = 0.5) -> int:
        session = context.execution()
        worker.effect(session.execution_id, "/leaf", session.attempt, "begin")
        await asyncio.sleep(seconds * worker.process.random.random())
        worker.effect(session.execution_id, "/leaf", session.attempt, "end")
        return number

    @registry.task(retry=Retry(attempts=20, first=0.5, cap=1.0))
    async def parent(seconds: float = 0.5) -> int:
        items = [{"number": number, "seconds": seconds} for number in range(CHILDREN)]
        return sum(await leaf.map(items, window=5))

    @registry.task(retry=Retry(attempts=1))
    async def grandparent() -> int:
        return await parent.run(100.0)

    @registry.task(retry=Retry(attempts=1))
    async def impatient() -> str:
        try:
            await leaf.run(1, 100.0)
        except ChildFailed as failed:
            return failed.outcome
        return "completed"

    return registry


def children_of(here, parent):
    """The logs of its children that exist, by place."""
    born = [item.event for item in here.logs[parent] if isinstance(item.event, ev.ChildrenSpawned)]
    if not born:
        return {}
    group = here.state(parent).groups[born[0].group]
    every = {i: ids.child_id(parent, born[0].group, group.born, i) for i in range(group.spawned)}
    return {place: child for place, child in every.items() if child in here.logs}


def begun(here):
    return {effect.execution_id for effect in here.book.history.effects if effect.what == "begin"}


async def settled(here, parent):
    """Wait until the parent and all that came of it have ended; what did not."""
    left = await here.settled(400)
    if left:
        return f"{here.state(parent).reason} for ever"
    made = list(here.logs)
    async with asyncio.timeout(200):
        while any(not here.ended(execution_id) for execution_id in made):
            await asyncio.sleep(1)
    return None


# F1: decided first, created after; what a dying worker left is repaired


def killed_at(call, after):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=10), workers=1, faults=CALM)
        here.workers[0].process.kill_at(call, after=after)
        execution_id = await here.client.submit("parent")
        watch = asyncio.ensure_future(replace_the_dead(here))
        wrong = await settled(here, execution_id)
        watch.cancel()
        if wrong:
            return wrong
        state, children = here.state(execution_id), children_of(here, execution_id)
        if (state.status, bytes(state.output)) != (Status.COMPLETED, str(sum(range(CHILDREN))).encode()):
            return f"{state.status}: {state.error or state.output}"
        if sorted(children) != list(range(CHILDREN)) or len(here.logs) != CHILDREN + 1:
            return f"{len(here.logs) - 1} executions for {CHILDREN} children"
        return said(here.report())

    return main


async def replace_the_dead(here):
    while True:
        for worker in list(here.workers):
            if worker.process.dead:
                here.kill(worker)
        await asyncio.sleep(0.1)


def wherever_it_dies():
    return {kill: found for kill in KILLS if (found := broken(killed_at(*kill), range(1)))}


def test_f1_wherever_the_parents_worker_dies_each_child_is_one_execution():
    assert wherever_it_dies() == {}


def test_f1_without_a_repair_a_child_that_was_decided_on_never_comes(monkeypatch):
    async def no_repair(self, spawned, places):
        """PLANTED: whoever decided on children creates them, or nobody does."""

    monkeypatch.setattr(FamilyKeeper, "_repair_later", no_repair)
    monkeypatch.setattr(Offspring, "look_after", lambda self: None)
    assert "waiting_for_children for ever" in str(wherever_it_dies())


def test_f1_the_keeper_alone_repairs_what_the_next_claim_does_not_look_at(monkeypatch):
    monkeypatch.setattr(Offspring, "look_after", lambda self: None)
    assert wherever_it_dies() == {}


def test_f1_the_next_claim_alone_repairs_what_no_keeper_saw(monkeypatch):
    async def no_repair(self, spawned, places):
        """As after a restart of the keeper: what it had noted is forgotten."""

    monkeypatch.setattr(FamilyKeeper, "_repair_later", no_repair)
    assert wherever_it_dies() == {}


def test_f1_an_id_that_does_not_follow_from_parent_and_place_makes_two_of_one_child(monkeypatch):
    plain, count = family._child, iter(range(10**6))

    def any_id(spawned, parent, index, given, moment):
        """PLANTED: whoever creates a child gives it a fresh id."""
        event = plain(spawned, parent, index, given, moment)
        return replace(event, execution_id=ids.child_id(parent.id, "planted", 1, next(count)))

    monkeypatch.setattr(family, "_child", any_id)
    assert "executions for 12 children" in str(wherever_it_dies())


# F2: a parent hears of every end once, in few events, and is woken when it waits for no more


def heard_twice(faults, seconds=0.5):
    """Two keepers, and everything is handed to each of them twice."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=4), workers=2, faults=faults)
        other = here.bus.process("another-keeper")
        second = FamilyKeeper(other.events, other.messages, other.moment, other.run)

        def heard(item):
            loop = asyncio.get_running_loop()
            if keeping.concerns_family(item.event):
                loop.call_later(random.random(), here.bus.tell_families, item)
                loop.call_later(random.random(), second.take, item.event)

        here.bus.events.listeners.append(heard)
        execution_id = await here.client.submit("parent", input=_raw({"seconds": seconds}))
        if wrong := await settled(here, execution_id):
            return wrong
        ends = [
            end.index
            for item in here.logs[execution_id]
            if isinstance(item.event, ev.ChildrenDone)
            for end in item.event.ends
        ]
        if Counter(ends) != Counter(range(CHILDREN)):
            return f"ends were told twice, or not at all: {ends}"
        return said(here.report())

    return main


def _raw(given):
    return msgspec.Raw(msgspec.json.encode(given))


def test_f2_each_end_is_told_once_however_many_keepers_hear_of_it():
    assert broken(heard_twice(ROUGH), range(20)) == {}


def test_f2_a_keeper_that_does_not_look_tells_the_same_end_again(monkeypatch):
    def every_end(parent, ends):
        """PLANTED: what it hears, it tells."""
        return list(ends)

    monkeypatch.setattr(family, "_news", every_end)
    assert "has ended before" in first_broken(heard_twice(CALM), range(20))


def test_f2_a_parent_that_sleeps_is_woken_by_the_end_it_waits_for():
    assert broken(heard_twice(CALM, seconds=60.0), range(5)) == {}


def test_f2_ends_that_are_no_wake_let_a_parent_sleep_for_ever(monkeypatch):
    def never(state):
        """PLANTED: who is told is not woken."""
        return False

    monkeypatch.setattr(waiting, "can_wake", never)
    monkeypatch.setattr(family, "can_wake", never)
    assert "waiting_for_children for ever" in first_broken(heard_twice(CALM, seconds=60.0), range(5))


def events_told():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=20), workers=1, faults=CALM)
        execution_id = await here.client.submit("parent", input=_raw({"seconds": 0.0}))
        assert await settled(here, execution_id) is None
        return sum(isinstance(item.event, ev.ChildrenDone) for item in here.logs[execution_id])

    return simulate(1, main)


def test_f2_ends_that_come_together_are_told_together():
    assert events_told() <= 6


def test_f2_without_gathering_a_parent_has_an_event_for_each_child(monkeypatch):
    """PLANTED: each end is an event of its own."""
    monkeypatch.setattr(family, "MOST_ENDS", 1)
    assert events_told() == CHILDREN


# F3: the end of a parent stops its children, those included that were not created yet


def cancelled_by_hand(task):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=6), workers=2, faults=CALM)
        execution_id = await here.client.submit(
            task, **({"input": _raw({"seconds": 100.0})} if task == "parent" else {})
        )
        await until(lambda: len(here.logs) > (5 if task == "grandparent" else 4))
        await here.client.cancel(execution_id)
        if wrong := await settled(here, execution_id):
            return wrong
        ends = Counter(here.state(other).status for other in here.logs)
        return None if set(ends) == {Status.CANCELLED} else f"after the cancel: {ends}"

    return main


def test_f3_a_cancel_reaches_the_whole_tree():
    assert broken(cancelled_by_hand("parent"), range(10)) == {}
    assert broken(cancelled_by_hand("grandparent"), range(10)) == {}


def zombie():
    """The parent's worker is cut off with its decision stored, the parent is cancelled, and the worker comes back."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=10), workers=2, faults=CALM)
        owners = []

        def cut_off(item):
            if isinstance(item.event, ev.ChildrenSpawned) and not owners:
                owners.append(next(w for w in here.workers if item.event.execution_id in w.env.holds))
                owners[0].process.cut()

        here.bus.events.listeners.append(cut_off)
        here.bus.families._repair_after = 1000.0  # so that nobody has created them when the cancel comes
        execution_id = await here.client.submit("parent")
        await until(lambda: bool(owners))
        await here.client.cancel(execution_id)
        await until(lambda: here.ended(execution_id))
        await asyncio.sleep(5)
        owners[0].process.heal()
        await asyncio.sleep(30)
        if wrong := await settled(here, execution_id):
            return wrong
        children = children_of(here, execution_id)
        if begun(here) & set(children.values()):
            return f"children of a cancelled parent ran: {len(begun(here))}"
        if len(children) != 5:
            return f"{len(children)} of 5 children have a log"
        return said(here.report())

    return main


def test_f3_a_zombie_creates_no_child_of_a_cancelled_parent():
    assert broken(zombie(), range(10)) == {}


def test_f3_unless_the_keeper_begins_their_logs_a_zombie_does(monkeypatch):
    stop = FamilyKeeper._stop

    async def only_those_that_are_there(self, parent, child_id, group, index):
        """PLANTED: who is not there needs no cancel."""
        if await self._events.read(PROJECT, child_id) is not None:
            await stop(self, parent, child_id, group, index)

    monkeypatch.setattr(FamilyKeeper, "_stop", only_those_that_are_there)
    assert "ran" in first_broken(zombie(), range(10))
