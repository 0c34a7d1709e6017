"""Whole days of an installation: kills, pauses, restarts, lost and late replies, stale reads; the promises hold."""

import asyncio

import pytest

from onward.contract import events as ev
from onward.contract.execution import Status
from onward.tasks.registry import Registry
from onward.testing.faults import CALM, ROUGH, Faults
from onward.testing.virtual_loop import simulate
from tests.simulation.installation import Installation, Setup, broken, said, until
from tests.simulation.scenarios import tasks

TASKS = ["steps", "long", "sleepy", "asks", "flaky"]
FEW, MANY = range(40), range(40, 4000)


async def day(random) -> str | None:
    here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
    return said(await here.day(random.choice(TASKS) for _ in range(6)))


def test_a_bad_day_breaks_no_promise():
    assert broken(day, FEW) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thousands_of_bad_days_break_no_promise():
    assert broken(day, MANY) == {}


def test_a_bad_day_is_bad():
    """Not vacuous: work was hit, zombies were refused, steps were repeated."""
    landed, refused, repeated, begun = 0, 0, 0, 0
    for seed in range(20):

        async def main(random):
            here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
            report = await here.day(random.choice(TASKS) for _ in range(6))
            return here, report

        here, report = simulate(seed, main)
        landed += sum(fault.landed for fault in here.book.history.faults)
        refused += here.bus.events.refused
        repeated += report.steps_repeated
        begun += report.steps_begun
    assert (landed > 50, refused > 20, repeated > 10, begun > 200) == (True, True, True, True)


def test_the_same_seed_gives_the_same_day():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        await here.day(random.choice(TASKS) for _ in range(6))
        return here.bus.events.raws, here.book.history

    for seed in range(3):
        assert simulate(seed, main) == simulate(seed, main)
    assert simulate(1, main) != simulate(2, main)


HARSH = {
    "unanswered": Faults(delay=0.05, unanswered=0.45, stale=0.2, lag=0.3, redelivery=0.1),
    "redelivered": Faults(delay=0.05, unanswered=0.05, stale=0.3, lag=2.0, redelivery=0.8),
    "slow": Faults(delay=2.0, unanswered=0.1, stale=0.5, lag=5.0, redelivery=0.3),
}


def harsh(name: str):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=HARSH[name], workers=3)
        return said(await here.day(random.choice(TASKS) for _ in range(8)))

    return main


@pytest.mark.parametrize("name", HARSH)
def test_a_day_on_which_one_thing_hardly_works_breaks_no_promise(name):
    assert broken(harsh(name), range(8)) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", HARSH)
def test_hundreds_of_days_on_which_one_thing_hardly_works_break_no_promise(name):
    assert broken(harsh(name), range(15, 600)) == {}


def test_days_that_once_stranded_an_execution_do_not_any_more():
    """An ack that was late hit who had claimed from the same old hint: since then only the newest is claimed from."""
    assert broken(day, [3122]) == {}
    assert broken(harsh("slow"), [482]) == {}


# One thing at a time, with nothing else going wrong


def run(main):
    return simulate(1, main)


def test_each_task_does_its_work_when_nothing_goes_wrong():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=8), faults=CALM, workers=1)
        here.impatient = False
        report = await here.day(TASKS, wear=0)
        return report, [here.state(i) for i in here.client.ids]

    report, states = run(main)
    assert report.violations == []
    assert [state.status for state in states] == [Status.COMPLETED] * 5
    assert [state.attempt for state in states] == [1, 1, 1, 1, 3]
    assert report.steps_repeated == 0


def test_what_waits_holds_no_slot():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, slots=1), workers=1)
        asking = [await here.client.submit("asks") for _ in range(5)]
        await until(lambda: all(here.asks(i) and not here.state(i).held for i in asking))
        other = await here.client.submit("steps")
        await until(lambda: here.state(other).ended, within=10)
        for i in asking:
            await here.client.answer(i, "yes")
        return await here.settled(60)

    assert run(main) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_torture_01_a_worker_killed_at_any_of_its_requests_repeats_no_paid_step(after):
    """The complete enumeration: its k-th request takes effect or not, and then it is gone."""

    async def main(random, k):
        here = Installation(random, Setup(tasks=tasks), workers=2)
        here.workers[0].process.kill_at(k, after=after)
        for name in ("steps", "flaky", "sleepy"):
            await here.client.submit(name)
        left = await here.settled(200)
        worked = here.workers[0].process.dead
        return said(here.report()) or (f"left: {left}" if left else None), worked

    died = 0
    for k in range(1, 70):
        wrong, dead = simulate(k, lambda random, k=k: main(random, k))
        assert wrong is None, f"request {k}"
        died += dead
    assert died > 35


def test_a_draining_worker_hands_everything_back_and_no_attempt_is_lost():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), workers=1)
        ids = [await here.client.submit("long") for _ in range(2)]
        await until(lambda: all(here.state(i).held for i in ids))
        first = here.workers[0]
        here.start_worker()
        await first.process.run(first.engine.drain(1.0))
        left = await here.settled(200)
        kinds = [ev.event_type(item.event) for i in ids for item in here.log(i).stored]
        return left, kinds, [here.state(i).attempt for i in ids], said(here.report())

    left, kinds, attempts, wrong = run(main)
    assert (left, wrong) == ([], None)
    assert "released" in kinds
    assert "recovered" not in kinds
    assert attempts == [1, 1]


def test_a_zombie_that_wakes_up_writes_nothing():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), workers=1)
        execution_id = await here.client.submit("long")
        await until(lambda: here.state(execution_id).held)
        zombie = here.workers[0]
        here.pause(zombie, 90.0)
        here.start_worker()
        left = await here.settled(300)
        await asyncio.sleep(100)
        log = here.log(execution_id)
        return (
            left,
            said(here.report()),
            {item.event.actor for item in log.stored[4:]},
            here.bus.events.refused,
        )

    left, wrong, writers, refused = run(main)
    assert (left, wrong) == ([], None)
    assert "w1" not in writers
    assert refused >= 1


def test_a_hint_that_no_worker_here_can_run_turns_slowly_and_waits_for_one_that_can():
    async def main(random):
        here = Installation(random, Setup(tasks=lambda _: Registry(), slots=4), workers=2)
        execution_id = await here.client.submit("steps")
        await asyncio.sleep(300)
        turned = here.bus.work.deliveries
        here.setup.tasks = tasks
        here.start_worker()
        await until(lambda: here.ended(execution_id), within=30)
        return turned, here.state(execution_id).status

    turned, status = run(main)
    assert turned < 400
    assert status is Status.COMPLETED
