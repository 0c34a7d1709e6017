"""Pauses and resumes at random moments, among crashes: nothing runs while it is paused, and nothing is forgotten."""

import asyncio

from msgspec.structs import replace

from onward.contract import commands, decide
from onward.testing.faults import CALM, ROUGH
from tests.simulation.installation import Installation, Setup, broken, first_broken, said
from tests.simulation.scenarios import tasks

SEEDS = range(60)
NAMES = ("steps", "long", "sleepy", "asks", "flaky")


class Watch:
    """Whether steps begin while nobody may hold their execution."""

    def __init__(self, here: Installation) -> None:
        self.here, self.wrong = here, None
        for worker in here.workers:
            self.watch(worker)

    def watch(self, worker) -> None:
        plain = worker.effect

        def effect(execution_id, step, attempt, what) -> None:
            state = self.here.state(execution_id)
            if what == "begin" and state.paused and not state.held:
                self.wrong = f"{step} of {execution_id} began while it was paused"
            plain(execution_id, step, attempt, what)

        worker.effect = effect


async def moods(here: Installation, seconds: float) -> None:
    """Pause and resume what there is, now and then, for so long; then let everything go on."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(here.random.uniform(0, 4))
        execution_id = here.random.choice(here.client.ids)
        await here.random.choice([here.client.pause, here.client.resume])(execution_id)
    for execution_id in here.client.ids:
        await here.client.resume(execution_id)


def day_of_pauses(faults=ROUGH, wear=50.0, watched=False):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=faults)
        watch = Watch(here) if watched else None
        for name in NAMES:
            await here.client.submit(name)
        people = asyncio.ensure_future(here.people())
        await asyncio.gather(moods(here, 60.0), here.wear(wear))
        here.impatient = False
        left = await here.settled(300)
        people.cancel()
        if watch is not None and watch.wrong:
            return watch.wrong
        return said(here.report()) or (f"not ended: {left}" if left else None)

    return main


def test_no_pause_strands_or_doubles_anything_whatever_breaks():
    assert broken(day_of_pauses(), SEEDS) == {}


def test_no_step_begins_once_a_paused_execution_is_let_go():
    assert broken(day_of_pauses(CALM, wear=0.0, watched=True), SEEDS) == {}


def test_a_worker_that_claims_what_is_paused_is_found(monkeypatch):
    """PLANTED: a hint is claimed from as if nothing were paused."""
    plain = decide._not_claimable
    monkeypatch.setattr(
        decide, "_not_claimable", lambda state, hint: plain(replace(state, paused=False), hint)
    )

    assert first_broken(day_of_pauses(), SEEDS) is not None


def test_a_resume_that_is_no_wake_is_found(monkeypatch):
    """PLANTED: resumed, and nobody is told."""
    plain = commands.resume
    monkeypatch.setattr(
        commands, "resume", lambda *given: tuple(replace(event, wake=None) for event in plain(*given))
    )

    assert "never ended" in str(first_broken(day_of_pauses(CALM), SEEDS))


def test_a_resume_that_sets_no_timer_again_is_found(monkeypatch):
    """PLANTED: a timer that fired during the pause is not set again."""
    plain = commands.resume
    monkeypatch.setattr(
        commands, "resume", lambda *given: tuple(replace(event, due=None) for event in plain(*given))
    )

    assert "never ended" in str(first_broken(day_of_pauses(CALM), SEEDS))
