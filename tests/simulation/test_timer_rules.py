"""PROTOCOL, "Timers": each rule holds in simulation, and what breaks without it."""

import asyncio

from onward.contract import subjects
from onward.contract.decide import Done, meet
from onward.contract.log import Stored
from onward.testing.faults import CALM, ROUGH
from onward.testing.timers import Timers, asks_for_timer
from onward.testing.virtual_loop import simulate
from onward.worker import attempt
from tests.simulation.installation import Installation, Setup, broken, first_broken, said
from tests.simulation.scenarios import tasks

SEEDS = range(40)


# M1: a schedule's subject ends in the sequence of the event that asked


class OnePerExecution(Timers):
    """PLANTED: an execution has one schedule, and the newest delivery replaces it."""

    def subject(self, stored: Stored) -> str:
        event = stored.event
        return subjects.timer(event.project, event.execution_id, 0)


def redelivered(timers: type[Timers]):
    """The timekeeper is handed old events again, right after newer ones."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=4), faults=CALM, timers=timers)
        old: dict[str, Stored] = {}

        def heard(item: Stored) -> None:
            if not asks_for_timer(item):
                return
            if before := old.get(item.event.execution_id):
                asyncio.get_running_loop().call_later(random.random(), here.bus.set_timer, before)
            old[item.event.execution_id] = item

        here.bus.events.listeners.append(heard)
        here.impatient = False
        report = await here.day(("flaky", "sleepy", "flaky", "flaky"), wear=0)
        return said(report)

    return main


def test_m1_an_older_redelivery_replaces_no_newer_timer():
    assert broken(redelivered(Timers), SEEDS) == {}


def test_m1_with_one_schedule_an_execution_a_wake_gets_lost():
    assert "never ended" in first_broken(redelivered(OnePerExecution), SEEDS)


def test_m1_a_finished_execution_leaves_no_timer_behind():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=CALM)
        ids = [await here.client.submit("sleepy") for _ in range(4)]
        await asyncio.sleep(10)
        waiting = len(here.bus.timers.set)
        for execution_id in ids:
            await here.client.cancel(execution_id)
        await asyncio.sleep(1)
        return waiting, len(here.bus.timers.set)

    assert simulate(1, main) == (4, 0)


# M2: a fired timer whose event is still awaited is due


def clocks_go_wrong(skew: float):
    """A sleep begins on a right clock; by the time it ends, all workers' clocks are wrong."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=CALM)
        here.impatient = False
        execution_id = await here.client.submit("sleepy")
        await asyncio.sleep(5)
        here.setup.skew = skew
        for worker in list(here.workers):
            here.kill(worker)
        left = await here.settled(300)
        return said(here.report()) if not left else f"{here.state(execution_id).reason} for ever"

    return main


def test_m2_workers_whose_clocks_are_an_hour_off_wake_up_all_the_same():
    for skew in (-3600.0, 3600.0):
        assert broken(clocks_go_wrong(skew), range(5)) == {}


def test_m2_a_worker_that_looks_at_its_clock_lets_what_is_due_sleep_for_ever(monkeypatch):
    def by_the_clock(state, hint, owner, moment, *gates):
        """PLANTED: what is not due by this worker's clock is not due."""
        if hint.fired is not None and state.due is not None and moment.now < state.due:
            return Done("too early")
        return meet(state, hint, owner, moment, *gates)

    monkeypatch.setattr(attempt, "meet", by_the_clock)
    assert "sleeping for ever" in first_broken(clocks_go_wrong(-3600.0), range(5))


def test_m2_a_timer_that_fires_late_still_wakes():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        here.impatient = False
        return said(await here.day(["sleepy", "flaky", "sleepy"], wear=0))

    assert broken(main, SEEDS) == {}


# M3: no limits on schedules


class Limited(Timers):
    """PLANTED: the oldest schedule leaves when there are too many."""

    def keep(self, stored: Stored, seconds: float) -> None:
        super().keep(stored, seconds)
        while len(self.set) > 50:
            self._drop(next(iter(self.set)))


def many_sleepers(timers: type[Timers]):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=20), faults=CALM, timers=timers)
        here.impatient = False
        return said(await here.day(["sleepy"] * 120, wear=0))

    return main


def test_m3_however_many_sleep_all_wake_up():
    assert broken(many_sleepers(Timers), range(1)) == {}


def test_m3_a_limit_on_schedules_is_a_limit_on_sleepers():
    assert "never ended" in first_broken(many_sleepers(Limited), range(1))
