"""PROTOCOL, C1: a cancel is carried out whoever dies; and what people say is never lost."""

import asyncio

import pytest
from msgspec.structs import replace

from onward.contract import commands
from onward.contract.decide import Moment
from onward.contract.execution import Status
from onward.testing.faults import ROUGH
from onward.testing.virtual_loop import simulate
from tests.simulation.installation import ACK_WAIT, Installation, Setup, broken, said, until
from tests.simulation.scenarios import tasks
from tests.support.builders import raw

SEEDS = range(40)


def run(main, seed: int = 1):
    return simulate(seed, main)


# C1: a cancel that nobody is left to carry out


def cancelled_and_killed():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        execution_id = await here.client.submit("long")
        await until(lambda: here.state(execution_id).held)
        owner = next(worker for worker in here.workers if worker.busy)
        owner.process.cut()
        loop = asyncio.get_running_loop()
        assert await here.client.cancel(execution_id)
        asked, steps = loop.time(), len(here.book.history.effects)
        owner.process.kill()
        await here.settled(100)
        state = here.state(execution_id)
        ran_on = [effect for effect in here.book.history.effects[steps:] if effect.what == "begin"]
        return state.status, loop.time() - asked, ran_on, said(here.report())

    return main


def test_c1_a_dead_owner_s_cancel_is_finished_at_once_without_running_its_code():
    for seed in range(10):
        status, took, ran_on, wrong = run(cancelled_and_killed(), seed)
        assert (status, ran_on, wrong) == (Status.CANCELLED, [], None)
        assert took < 5


def test_c1_a_cancel_that_is_no_wake_waits_for_the_lease_to_run_out(monkeypatch):
    def no_wake(state, moment: Moment, because):
        """PLANTED: asked for, and nobody is woken."""
        return tuple(replace(event, wake=None) for event in plain(state, moment, because))

    plain = commands.cancel
    monkeypatch.setattr(commands, "cancel", no_wake)
    took = max(run(cancelled_and_killed(), seed)[1] for seed in range(10))
    assert took >= ACK_WAIT / 2


def test_c1_a_cancel_that_is_no_event_is_forgotten_with_its_worker(monkeypatch):
    """PLANTED: the owner is told, and nothing is stored."""
    monkeypatch.setattr(commands, "cancel", lambda state, moment, because: ())
    status, _, ran_on, _ = run(cancelled_and_killed())
    assert status is Status.COMPLETED
    assert ran_on


@pytest.mark.parametrize("name", ["long", "asks", "sleepy", "flaky"])
def test_c1_after_a_cancel_no_step_begins_whatever_happens(name):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        execution_id = await here.client.submit(name)
        await asyncio.sleep(random.uniform(0, 20))
        if not await here.client.cancel(execution_id):
            return None
        steps = len(here.book.history.effects)
        in_flight = sum(worker.busy for worker in here.workers)
        here.impatient = False
        await here.wear(20)
        await here.settled(300)
        begun = [effect for effect in here.book.history.effects[steps:] if effect.what == "begin"]
        if here.state(execution_id).status is not Status.CANCELLED:
            return f"cancelled, and is {here.state(execution_id).status}"
        # A step that was about to begin when the cancel was stored cannot be called back.
        return None if len(begun) <= in_flight else f"{len(begun)} steps began after the cancel"

    assert broken(main, SEEDS) == {}


def test_answers_do_not_get_lost_in_a_suspension():
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        ids = [await here.client.submit("asks") for _ in range(4)]

        async def answer_early() -> None:
            while True:
                await asyncio.sleep(random.uniform(0, 0.05))
                for i in ids:
                    if here.asks(i):
                        await here.client.answer(i, "yes")

        here.client.process.run(answer_early())
        left = await here.settled(300)
        outputs = {bytes(here.state(i).output) for i in ids if here.state(i).ended}
        return said(here.report()) or (
            None if (left, outputs) == ([], {bytes(raw("yes"))}) else f"{left} {outputs}"
        )

    assert broken(main, SEEDS) == {}
