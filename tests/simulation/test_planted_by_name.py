"""The checker names what callers, clocks, readers and limits would notice: each fault is planted in the code that runs.

A day is a seed. With the fault, one of the days breaks its promise; how many it took is printed. Without it, none does.
"""

import asyncio
from collections import deque

import pytest
from msgspec.structs import replace

from onward.contract import commands, limits
from onward.contract.errors import FenceLost
from onward.contract.lines import lines_of
from onward.testing.event_log import EventStream
from onward.testing.faults import CALM, ROUGH
from onward.testing.virtual_loop import simulate
from onward.worker import attempt
from onward.worker.steps import Steps
from onward_log_relay.reader import Reader
from tests.simulation import outside_days
from tests.simulation.installation import Installation, Setup
from tests.simulation.outside_days import answered, keyed, patient, read_along, scheduled
from tests.simulation.scenarios import tasks
from tests.simulation.test_limit_rules import released_late

DAYS = 200


def finds(invariant: str, scenario, days: int = DAYS) -> bool:
    """Whether a day breaks this promise, by its name."""
    for seed in range(days):
        found = simulate(seed, scenario)
        if invariant in found.broken:
            print(f"{invariant} was broken on day {seed + 1}")
            return True
    return False


def stepping(sees=lambda events: events, faults=ROUGH):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks, sees=sees), faults=faults)
        here.impatient = False
        ids = [await here.client.submit("steps") for _ in range(3)]
        await asyncio.sleep(random.uniform(0, 0.5))
        for execution_id in ids:
            await here.client.cancel(execution_id)
        await here.settled(200)
        return here.report()

    return main


async def granted(random):
    here, _ = await released_late(random)
    return here.report()


@pytest.mark.parametrize(
    "scenario",
    [stepping(), stepping(faults=CALM), keyed, scheduled, answered, patient, read_along, granted],
    ids=["steps", "cancels", "keys", "ticks", "answers", "retries", "readers", "grants"],
)
def test_without_a_planted_fault_these_days_break_nothing(scenario):
    for seed in range(8):
        found = simulate(seed, scenario)
        assert found.violations == [], seed
        assert found.executions


def test_planted_03_a_checkpoint_that_is_stored_while_its_step_runs_is_found(monkeypatch):
    async def not_awaited(self, this, call, policy):
        """PLANTED: the result is known beforehand, so nobody waits for the end of the step."""
        _running.append(asyncio.ensure_future(plain(self, this, call, policy)))
        await asyncio.sleep(0)
        return this.name

    _running = deque(maxlen=100)
    plain = Steps._try
    monkeypatch.setattr(Steps, "_try", not_awaited)
    assert finds("I3", stepping())


def test_planted_05_a_key_that_is_forgotten_after_two_minutes_is_found(monkeypatch):
    known: dict[tuple[str, str], tuple[float, str]] = {}

    def of_a_window(project, key):
        """PLANTED: what a key stands for is remembered for two minutes, as a broker does."""
        now = asyncio.get_running_loop().time()
        at, execution_id = known.get((project, key), (float("-inf"), ""))
        if not 0 <= now - at < 120:
            execution_id = plain(project, f"{key}/{now}")
        known[project, key] = now, execution_id
        return execution_id

    plain = outside_days.keyed_id
    monkeypatch.setattr(outside_days, "keyed_id", of_a_window)
    assert finds("I1", keyed)


class HearsOnce:
    """PLANTED: a worker reads the log when it begins, and never again: what was stored since, it writes behind."""

    def __init__(self, inner) -> None:
        self.inner, self.read, self.scan = inner, inner.read, inner.scan

    async def read_on(self, log, **_):
        return log

    async def append(self, decision):
        while True:
            try:
                return await self.inner.append(decision)
            except FenceLost as lost:
                decision = replace(decision, expected=lost.floor)


def test_planted_06_a_cancel_that_is_looked_for_at_the_start_alone_is_found():
    assert finds("I9", stepping(HearsOnce, CALM))


def test_planted_07_a_scheduler_whose_ticks_have_no_identity_is_found(monkeypatch):
    async def anew(self, asked):
        """PLANTED: each submission is another execution."""
        return await plain(self, replace(asked, execution_id=self.bus.new_id()))

    plain = outside_days.Gateway.store
    monkeypatch.setattr(outside_days.Gateway, "store", anew)
    assert finds("I8", scheduled)


def test_planted_08_an_answer_that_is_stored_without_a_comparison_is_found(monkeypatch):
    def generous(state, moment, given, question_id):
        """PLANTED: whether the question is open is not looked at."""
        waits = {key: replace(wait, done=False) for key, wait in state.waits.items()}
        return plain(replace(state, waits=waits), moment, given, question_id)

    plain = commands.answer
    monkeypatch.setattr(commands, "answer", generous)
    assert finds("I12", answered)


def test_planted_08_an_answer_that_is_appended_without_the_fence_is_found(monkeypatch):
    plain = EventStream._may_append
    monkeypatch.setattr(
        EventStream, "_may_append",
        lambda self, decision, last: plain(self, decision, last) or _answers(decision),
    )  # fmt: skip
    assert finds("I12", answered)


def _answers(decision):
    """PLANTED: an answer is stored, whatever came since it was decided."""
    return type(decision.events[0]).__name__ == "Answered"


def test_planted_09_a_delay_that_is_in_the_failed_workers_memory_alone_is_found(monkeypatch):
    def at_once(state, hint, owner, moment, *gates):
        """PLANTED: a worker to which the hint is delivered again knows of no due time."""
        if state.due is not None and not state.held:
            hint = replace(hint, fired=state.asked_due)
        return plain(state, hint, owner, moment, *gates)

    plain = attempt.meet
    monkeypatch.setattr(attempt, "meet", at_once)
    assert finds("I13", patient)


def test_planted_10_a_relay_that_resumes_by_time_is_found(monkeypatch):
    async def behind_its_time(self):
        """PLANTED: goes on behind all lines that are as old as the last one the reader has."""
        heads = [piece.head for piece in await self._history.after(0, most=10_000, enough=2**31)]
        stored = [line for head in heads for line in lines_of(head)]
        seen = [line.time for line in stored if line.line == self.line]
        self.line = max((line.line for line in stored if seen and line.time <= seen[0]), default=self.line)
        self._placed = True

    monkeypatch.setattr(Reader, "_place", behind_its_time)
    assert finds("I6", read_along)


def test_planted_11_a_grant_that_is_released_without_its_epoch_is_found(monkeypatch):
    def anyhow(state, execution_id, n):
        """PLANTED: whichever life it had the key for, it has it no more."""
        del n
        return plain(state, execution_id, 2**31)

    plain = limits.released
    monkeypatch.setattr(limits, "released", anyhow)
    assert finds("I7", granted)
