"""PROTOCOL, "Hints and leases": each rule holds in simulation, and what breaks without it."""

import asyncio
from collections import Counter

from msgspec.structs import replace

from onward.contract import decide
from onward.contract import events as ev
from onward.contract.decide import Claim, Done, Finish, Owner, envelope, meet, owner_silent
from onward.contract.execution import Status
from onward.contract.log import Decision, Stored
from onward.tasks import context
from onward.tasks.registry import Registry
from onward.testing.bus import MemoryBus
from onward.testing.faults import ROUGH
from onward.testing.virtual_loop import simulate
from onward.worker import attempt
from onward.worker.lease import Lease
from tests.simulation.installation import (
    ACK_WAIT,
    PROJECT,
    Installation,
    Setup,
    Worker,
    broken,
    first_broken,
    said,
    until,
)
from tests.simulation.scenarios import tasks

SEEDS = range(40)


def run(main, seed: int = 1):
    return simulate(seed, main)


def rough_day(*names: str):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH)
        return said(await here.day(random.choice(names) for _ in range(6)))

    return main


# H1: what a hint means


def test_h1_a_redelivered_lease_of_a_living_worker_is_let_go():
    assert broken(rough_day("long", "steps"), SEEDS) == {}


def test_h1_a_redelivered_lease_that_is_acked_strands_its_execution_at_the_next_crash(monkeypatch):
    def nothing_to_do(state, hint, owner, moment, *gates):
        """PLANTED: what is held by somebody is done with, whichever hint it is held from."""
        return Done("held") if state.held and not state.ended else meet(state, hint, owner, moment, *gates)

    monkeypatch.setattr(attempt, "meet", nothing_to_do)
    assert "never ended" in first_broken(rough_day("long", "steps"), SEEDS)


class Hand:
    """A worker whose every move a test makes: it holds ports and decides by the contract, or by a planted one."""

    def __init__(self, bus: MemoryBus, name: str, meets=meet) -> None:
        self.process, self.owner, self.meets = (
            bus.process(name),
            Owner(worker_id=name, connection=name),
            meets,
        )
        self.hints = self.process.hints(PROJECT, ["default"])
        self.log = None

    async def take(self):
        async with asyncio.timeout(3 * ACK_WAIT):
            (hint,) = await self.hints.take(1)
        return hint

    async def attend(self, hint, *, ack: bool = True):
        """What the hint means is done; a claim is only appended. Returns the decision."""
        self.log = await self.process.events.read(PROJECT, hint.execution_id, floor=hint.floor)
        met = self.meets(self.log.execution, hint, self.owner, self.process.moment())
        if isinstance(met, Claim | Finish):
            await self.append(*met.events)
        if isinstance(met, Done | Finish) and ack:
            await self.hints.ack(hint)
        return met

    async def append(self, *events) -> None:
        state = self.log.execution
        decision = Decision(project=PROJECT, execution_id=state.id, expected=self.log.sequence, events=events)
        self.log = self.log.then(events, await self.process.events.append(decision))

    async def suspend_on_a_question(self) -> None:
        state, moment = self.log.execution, self.process.moment()
        await self.append(
            ev.QuestionAsked(**envelope(state, moment), wait="question", text="?"),
            ev.Suspended(**envelope(state, moment, ahead=2), reason="waiting_for_input"),
        )


def takes_any_hint(state, hint, owner, moment, *gates):
    """PLANTED: an old hint is as good as any."""
    return meet(replace(state, ready_by=0), hint, owner, moment)


def late_ack(meets):
    """An ack that arrives late, while the hint it is for is taken up a second time."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks), workers=0)
        first, second, third, fourth = (Hand(here.bus, f"w{i}", meets) for i in range(1, 5))
        execution_id = await here.client.submit("asks")
        old = await first.take()
        await first.attend(old)
        await first.suspend_on_a_question()  # its ack of `old` is still on its way
        here.bus.work.nak(old.ack_subject)
        again = await second.take()
        await here.client.answer(execution_id, "yes")
        await until(lambda: here.bus.work.last == 2)
        await second.attend(again)
        woken = await third.take()
        await third.attend(woken)
        await first.hints.ack(old)  # the late ack arrives
        for dead in (second, third):
            dead.process.kill()
        await asyncio.sleep(2 * ACK_WAIT)
        if not here.bus.work.messages:
            return "no hint is left, and nobody works on it"
        found = await fourth.take()
        await fourth.attend(found)
        await fourth.append(*owner_silent(fourth.log.execution, fourth.process.moment()))
        return None if here.state(execution_id).ready else "not recovered"

    return main


def test_h1_a_late_ack_hits_nothing_since_only_the_newest_hint_is_claimed_from():
    assert run(late_ack(meet)) is None


def test_h1_a_late_ack_of_an_old_hint_strands_who_was_claimed_from_it():
    assert run(late_ack(takes_any_hint)) == "no hint is left, and nobody works on it"


# H2: num_delivered decides nothing; poison is counted in the log


def restarts(times: int):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks))
        execution_id = await here.client.submit("long")
        for _ in range(times):
            await asyncio.sleep(2.0)
            here.bus.work.restart()
        await here.settled(200)
        state = here.state(execution_id)
        good = state.status is Status.COMPLETED and state.attempt == 1
        return None if good else f"{state.status} ({state.reason}) in attempt {state.attempt}"

    return main


def test_h2_restarts_of_the_broker_count_for_nothing():
    assert broken(restarts(15), range(10)) == {}


def test_h2_a_hint_that_went_round_often_is_claimed_like_a_fresh_one():
    async def main(random):
        here = Installation(random, Setup(tasks=lambda _: Registry()), workers=1)
        execution_id = await here.client.submit("steps")
        await until(lambda: here.bus.work.deliveries > 20)
        here.setup.tasks = tasks
        here.start_worker()
        await here.settled(60)
        return here.state(execution_id)

    state = run(main)
    assert (state.status, state.attempt) == (Status.COMPLETED, 1)


def test_h2_counting_deliveries_fails_what_only_met_restarts(monkeypatch):
    def counts_deliveries(state, hint, owner, moment, *gates):
        """PLANTED: a hint delivered often is a poison."""
        if int(hint.ack_subject.split(".")[1]) > 3 and not state.ended:
            return Finish((decide.failing(state, moment, "poison", decide.poison(state)),))
        return meet(state, hint, owner, moment, *gates)

    monkeypatch.setattr(attempt, "meet", counts_deliveries)
    assert "poison" in first_broken(restarts(15), range(10))


def poisonous(here_of: dict):
    def registry(worker: Worker) -> Registry:
        made = Registry()

        async def nothing() -> None:
            return None

        @made.task
        async def kills() -> None:
            here_of["here"].kill(worker)
            await asyncio.sleep(1)

        @made.task
        async def kills_later() -> None:
            for i in range(6):
                await context.step(f"step-{i}", nothing)
                if context.execution().attempt <= i + 1:
                    here_of["here"].kill(worker)
                    await asyncio.sleep(1)

        @made.task
        async def good() -> None:
            await asyncio.sleep(0.5)

        return made

    return registry


def deadly(task: str):
    async def main(random):
        box: dict = {}
        here = box["here"] = Installation(random, Setup(tasks=poisonous(box)))
        execution_id = await here.client.submit(task)
        await here.settled(1_000)
        return here.state(execution_id)

    return main


def test_h2_what_takes_down_every_worker_is_a_poison():
    state = run(deadly("kills"))
    assert (state.status, state.reason, state.attempt) == (Status.FAILED, "poison", decide.POISON_AFTER)


def test_h2_what_gets_on_between_losses_is_none():
    assert run(deadly("kills_later")).status is Status.COMPLETED


def test_h2_without_a_limit_a_poison_goes_on_killing(monkeypatch):
    """PLANTED: recoveries are not counted."""
    monkeypatch.setattr(decide, "POISON_AFTER", 10**9)
    state = run(deadly("kills"))
    assert (state.ended, state.attempt > 30) == (False, True)


def in_bad_company():
    """What became of good executions that ran beside poisons; None where all is right."""

    async def main(random):
        box: dict = {}
        here = box["here"] = Installation(random, Setup(tasks=poisonous(box), slots=5))
        tasks = ["kills"] * 3 + ["good"] * 12
        random.shuffle(tasks)
        made = [(task, await here.client.submit(task)) for task in tasks]
        await here.settled(1_000)
        ends = Counter((task, here.state(one).reason or here.state(one).status) for task, one in made)
        return None if ends == {("kills", "poison"): 3, ("good", Status.COMPLETED): 12} else str(ends)

    return main


def test_h2_who_runs_beside_a_poison_is_none():
    assert broken(in_bad_company(), range(30)) == {}


def test_h2_without_turns_who_runs_beside_a_poison_ends_as_one(monkeypatch):
    """PLANTED: what has lost two workers runs beside others."""
    monkeypatch.setattr("onward.worker.attempt.is_suspect", lambda state: False)
    assert "good', 'poison'" in first_broken(in_bad_company(), range(30))


# H3: never ack when the last renewal is too old


class Forever(Lease, frozen=True, kw_only=True):
    """PLANTED: a lease is never stale."""

    @property
    def stale_after(self) -> float:
        return float("inf")


def overslept(lease: Lease):
    """A worker sleeps for longer than its lease just when it has stored the outcome; returns the acks it sent then."""

    async def main(random):
        here = Installation(random, Setup(tasks=tasks, lease=lease), workers=1)
        sleeper = here.workers[0]
        acks: list[str] = []
        plain_ack = here.bus.work.ack
        here.bus.work.ack = lambda subject: (acks.append(subject), plain_ack(subject))

        def stop(item: Stored) -> None:
            if isinstance(item.event, ev.Completed):
                here.pause(sleeper, 30.0)

        here.bus.events.listeners.append(stop)
        await here.client.submit("steps")
        await here.settled(100)
        here.start_worker()
        await asyncio.sleep(60)
        return acks, len(here.bus.work.messages)

    return main


def test_h3_a_worker_that_overslept_its_lease_sends_no_ack():
    acks, left = run(overslept(Lease(ack_wait=ACK_WAIT)))
    assert (acks, left) == (["ack.2.1"], 0)


def test_h3_without_looking_at_the_clock_its_ack_comes_late():
    acks, _ = run(overslept(Forever(ack_wait=ACK_WAIT)))
    assert "ack.1.1" in acks
