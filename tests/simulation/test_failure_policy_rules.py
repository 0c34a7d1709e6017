"""Undo, steps that run at most once, and deadlines hold whatever dies; and what breaks without each rule."""

import asyncio
from collections import Counter

from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.events import TimeoutPolicy
from onward.contract.retry import Retry
from onward.tasks import context
from onward.tasks.registry import Registry
from onward.testing.faults import CALM, ROUGH
from onward.testing.timers import Timers
from onward.worker import undo
from onward.worker.doubt import Doubt
from tests.simulation.installation import PROJECT, Installation, Setup, broken, first_broken

SEEDS = range(12)
STEPS = ("flight", "hotel", "car")


class World:
    """What was done outside, in the one order in which it happened."""

    def __init__(self):
        self.done = []

    def tasks(self, worker):
        registry = Registry()

        async def act(what):
            worker.process.check()
            self.done.append((context.execution().execution_id, what))
            await asyncio.sleep(2 * worker.process.random.random())
            return what

        @registry.step(retry=Retry(attempts=20, first=0.1))
        async def release(what: str) -> None:
            await act(f"undo {what}")
            if worker.process.random.random() < 0.2:
                raise ConnectionError(what)

        @registry.step(undo=release)
        async def book(what: str) -> str:
            return await act(what)

        @registry.step(once=True)
        async def pay() -> None:
            await act("pay")

        @registry.task(retry=Retry(attempts=1))
        async def trip():
            for what in STEPS:
                await book.keyed(what, what)
            raise ValueError("no visa")

        @registry.task(retry=Retry(attempts=5, first=0.5))
        async def paid():
            await context.step("before", act, "before")
            await pay()
            await context.step("after", act, "after")

        @registry.task
        async def sleepy():
            await context.sleep(200)

        return registry


def undone(faults=ROUGH):
    async def main(random):
        world = World()
        here = Installation(random, Setup(tasks=world.tasks, slots=4), faults=faults)
        here.impatient = False
        report = await here.day(["trip"] * 4, wear=40)
        return "; ".join(_wrongly_undone(here, world)) or (
            str(report.violations[0]) if report.violations else None
        )

    return main


def _wrongly_undone(here, world):
    for one in here.client.ids:
        saved = Counter(
            (item.event.kind, item.event.key)
            for item in here.logs[one]
            if isinstance(item.event, ev.CheckpointReached)
        )
        told = here.state(one).error.message
        for what in STEPS:
            if saved["step", what] != saved["undo", what] and "could not be undone" not in told:
                yield f"{what}: done {saved['step', what]} times, undone {saved['undo', what]} times"
        at = [what for execution, what in world.done if execution == one]
        last = [
            what for place, what in enumerate(at) if what not in at[place + 1 :] and what.startswith("undo")
        ]
        done = [what for what in STEPS if saved["step", what]]
        if last != [f"undo {what}" for what in reversed(done)] and "could not be undone" not in told:
            yield f"{done} were undone in the order {last}: {told}"


def test_what_was_done_is_undone_in_reverse_whoever_dies():
    assert broken(undone(), SEEDS) == {}


def test_a_worker_that_forgets_what_is_undone_undoes_it_twice(monkeypatch):
    def everything(log):
        """PLANTED: what is undone is looked for in memory, which a new worker does not have."""
        points = [
            item.event
            for item in log.stored
            if isinstance(item.event, ev.CheckpointReached) and item.event.undo
        ]
        return list(reversed(points)) if log.execution.undoable else []

    monkeypatch.setattr(undo, "to_undo", everything)
    assert "undone" in first_broken(undone(), SEEDS)


def at_most_once(faults=ROUGH):
    async def main(random):
        world = World()
        here = Installation(random, Setup(tasks=world.tasks, slots=4), faults=faults)
        here.impatient = False
        report = await here.day(["paid"] * 4, wear=40)
        times = Counter(execution for execution, what in world.done if what == "pay")
        twice = [f"paid {count} times" for count in times.values() if count > 1]
        return "; ".join(twice) or (str(report.violations[0]) if report.violations else None)

    return main


def test_a_step_that_runs_once_never_begins_a_second_time_whoever_dies():
    assert broken(at_most_once(), SEEDS) == {}


def test_a_step_whose_beginning_is_not_stored_is_run_again(monkeypatch):
    async def plain(self, this, call, verify, run):
        """PLANTED: nothing says that it began."""
        return await run()

    monkeypatch.setattr(Doubt, "at_most_once", plain)
    assert "paid" in first_broken(at_most_once(), range(60))


class OneTimer(Timers):
    """PLANTED: a deadline has the schedule of the event's due time."""

    def keep_deadline(self, stored, kind, seconds):
        self.keep(stored, seconds)


def delayed_and_limited(timers: type[Timers] = Timers):
    """Executions that are to begin later than their workers come, and some that sleep past their limit."""

    async def main(random):
        world = World()
        here = Installation(random, Setup(tasks=world.tasks, slots=4), faults=CALM, timers=timers)
        here.impatient = False
        here.client.process.run(here.client.process.keep_deadlines(PROJECT))
        limits = TimeoutPolicy(execution=60, queue=30)
        ids = [await here.client.submit("sleepy", timeouts=limits) for _ in range(3)]
        late = here.bus.now().replace(minute=10)
        ids += [await here.client.submit("sleepy", timeouts=limits, run_at=late) for _ in range(3)]
        await here.wear(30)
        left = await here.settled(2000)
        if left:
            return f"{here.state(left[0]).reason} for ever"
        took = {
            (s.completed_at - (s.life_from or s.created_at)).total_seconds() // 30
            for s in map(here.state, ids)
        }
        return None if took <= {2.0, 3.0} else f"ended after {took} half minutes"

    return main


def test_m1_deadlines_end_what_sleeps_and_leave_its_other_timers_alone():
    assert broken(delayed_and_limited(), SEEDS) == {}


def test_m1_a_deadline_without_a_schedule_of_its_own_replaces_a_timer():
    assert first_broken(delayed_and_limited(OneTimer), SEEDS)


def test_m1_a_deadline_s_subject_ends_in_the_sequence_of_the_event_that_asked():
    subject = subjects.timer("default", "018f0000-0000-7000-8000-000000000001", 42, "execution")
    assert subject.endswith("-42")
    prefix = subjects.timers_of("default", "018f0000-0000-7000-8000-000000000001").removesuffix("*")
    assert subject.startswith(prefix)
    assert "." not in subject.removeprefix(prefix)
