"""PROTOCOL, "Appending": each rule holds in simulation, and what breaks without it."""

import asyncio
from collections import Counter
from random import Random

import msgspec

from onward.contract import events as ev
from onward.contract.errors import FenceLost, Unavailable
from onward.contract.log import Decision
from onward.testing.bus import MemoryBus
from onward.testing.event_log import EventStream, MemoryEventLog
from onward.testing.faults import ROUGH, Faults
from tests.simulation.installation import PROJECT, Installation, Setup, broken, first_broken, said
from tests.simulation.scenarios import tasks
from tests.support.builders import event

SEEDS = range(30)
EXECUTION = "018f0000-0000-7000-8000-000000000001"
UNSURE = Faults(delay=0.05, unanswered=0.3, stale=0.3)


# A1: one fence


class Unfenced(EventStream):
    """PLANTED: stores whatever comes."""

    def _may_append(self, decision: Decision, last: int) -> bool:
        return True


def day(stream: type[EventStream]):
    async def main(random):
        here = Installation(random, Setup(tasks=tasks), faults=ROUGH, events=stream())
        return said(await here.day(random.choice(["steps", "long", "flaky"]) for _ in range(6)))

    return main


def test_a1_one_fence_lets_one_writer_win():
    assert broken(day(EventStream), SEEDS) == {}


def test_a1_without_the_fence_zombies_write():
    assert first_broken(day(Unfenced), SEEDS) is not None


# A2: a decision is indivisible. A5: an unknown outcome is found out


class Race:
    """Writers that append to one log until each has stored so many decisions, and remember what they were told."""

    def __init__(self, random: Random, log: type[MemoryEventLog], most: int) -> None:
        self.bus = MemoryBus(random, faults=UNSURE)
        self.random, self.log, self.most = random, log, most
        self.told: dict[str, str] = {}

    def ids(self) -> list[str]:
        return [item.event.id for item in self.bus.events.read(PROJECT, EXECUTION, 0, 2**63)]

    async def write(self, name: str, times: int) -> None:
        events = self.log(self.bus.events, self.bus.process(name))
        expected = n = 0
        while times:
            made = tuple(
                event(ev.Progressed, n + i, id=f"{name}-{times}-{n}-{i}-{self.random.random()}")
                for i in range(1, self.random.randint(1, self.most) + 1)
            )
            decision = Decision(project=PROJECT, execution_id=EXECUTION, expected=expected, events=made)
            outcome = "refused"
            try:
                expected = await events.append(decision)
                outcome = "stored"
                n += len(made)
                times -= 1
            except FenceLost as lost:
                expected = lost.floor
                n = len(self.bus.events.read(PROJECT, EXECUTION, 0, expected))
            except Unavailable:
                outcome = "unknown"
                expected = self.bus.events.last
                n = len(self.ids())
            for one in made:
                self.told[one.id] = outcome

    async def run(self) -> str | None:
        await asyncio.gather(*(self.write(f"w{i}", 6) for i in range(4)))
        await asyncio.sleep(30)
        stored = self.ids()
        told = {
            outcome: {i for i, said in self.told.items() if said == outcome}
            for outcome in ("stored", "refused")
        }
        if missing := told["stored"] - set(stored):
            return f"told stored, and is not: {sorted(missing)}"
        if there := told["refused"] & set(stored):
            return f"told refused, and is stored: {sorted(there)}"
        ns = [item.event.n for item in self.bus.events.read(PROJECT, EXECUTION, 0, 2**63)]
        return None if ns == list(range(1, len(ns) + 1)) else f"ordinals {ns}"


class MembersResentSingly(MemoryEventLog):
    """PLANTED: after a refused batch, its members are tried one by one, each behind the tail of the moment."""

    async def append(self, decision: Decision) -> int:
        try:
            return await super().append(decision)
        except FenceLost as lost:
            if len(decision.events) == 1:
                raise
            expected = lost.floor
            for one in decision.events[1:]:
                expected = await super().append(
                    msgspec.structs.replace(decision, expected=expected, events=(one,))
                )
            raise


def race(log: type[MemoryEventLog], most: int):
    return lambda random: Race(random, log, most).run()


def test_a2_a_decision_is_stored_whole_or_not_at_all():
    assert broken(race(MemoryEventLog, 4), SEEDS) == {}


def test_a2_members_resent_singly_after_a_refused_batch_get_through():
    assert first_broken(race(MembersResentSingly, 4), SEEDS) is not None


class LooksAtTheTailOnly(MemoryEventLog):
    """PLANTED: an unknown outcome is judged by the newest event alone."""

    async def _stored_as(self, decision: Decision, floor: int) -> int | None:
        stored = self._stream.read(decision.project, decision.execution_id, decision.expected, 2**63)
        return stored[-1].sequence if stored[-1].event.id == decision.events[-1].id else None


class NeverLooks(MemoryEventLog):
    """PLANTED: a resent append that is refused was refused."""

    async def _stored_as(self, decision: Decision, floor: int) -> int | None:
        return None


def test_a5_whoever_appends_is_told_the_truth():
    assert broken(race(MemoryEventLog, 1), SEEDS) == {}


def test_a5_the_tail_alone_misleads():
    assert first_broken(race(LooksAtTheTailOnly, 1), SEEDS) is not None


def test_a5_a_refused_retry_may_mean_that_it_had_got_through():
    assert first_broken(race(NeverLooks, 1), SEEDS) is not None


# A3, A4: group commit


class Server:
    """An atomic batch as the server does it: members are held to what was stored before it; one refusal is all's."""

    def __init__(self) -> None:
        self.stream = EventStream()
        self.batches = 0

    def commit(self, batch: list[Decision]) -> bool:
        self.batches += 1
        if any(decision.expected != self.tail(decision) for decision in batch):
            return False
        for decision in batch:
            self.stream.append(msgspec.structs.replace(decision, expected=self.tail(decision)))
        return True

    def tail(self, decision: Decision) -> int:
        log = self.stream.read(PROJECT, decision.execution_id, 0, 2**63)
        return log[-1].sequence if log else 0


class Committer:
    """Group commit in small: what is in hand goes together; a refused batch is halved, for it names no culprit."""

    one_each, halves = True, True

    def __init__(self) -> None:
        self.server = Server()
        self.hand: list[tuple[Decision, asyncio.Future[bool]]] = []

    async def append_all(self, decisions: list[Decision]) -> list[bool]:
        loop = asyncio.get_running_loop()
        asked = [(decision, loop.create_future()) for decision in decisions]
        self.hand += asked
        while self.hand:
            await asyncio.sleep(0.01)
            self.flush()
        return [await outcome for _, outcome in asked]

    def flush(self) -> None:
        batch, later, seen = [], [], set()
        for item in self.hand:
            waits = self.one_each and item[0].execution_id in seen
            (later if waits else batch).append(item)
            seen.add(item[0].execution_id)
        self.hand = later
        self.send(batch)

    def send(self, batch: list[tuple[Decision, asyncio.Future[bool]]]) -> None:
        stored = self.server.commit([decision for decision, _ in batch])
        if not stored and len(batch) > 1 and self.halves:
            half = len(batch) // 2
            self.send(batch[:half])
            self.send(batch[half:])
            return
        for _, outcome in batch:
            outcome.set_result(stored)


class Together(Committer):
    """PLANTED: two decisions of one execution may share a batch."""

    one_each = False


class AllOrNothing(Committer):
    """PLANTED: a refused batch is refused for all its members."""

    halves = False


def creation(number: int, writer: int = 0, expected: int = 0) -> Decision:
    execution_id = f"018f0000-0000-7000-8000-{number:012}"
    made = event(ev.Submitted, 1, id=f"{number}-{writer}", execution_id=execution_id)
    return Decision(project=PROJECT, execution_id=execution_id, expected=expected, events=(made,))


def racing(committer: type[Committer]):
    """One to three writers create each of twenty executions."""

    async def main(random):
        decisions = [
            creation(number, writer) for number in range(20) for writer in range(random.randint(1, 3))
        ]
        random.shuffle(decisions)
        outcomes = await committer().append_all(decisions)
        won = Counter(d.execution_id for d, stored in zip(decisions, outcomes, strict=True) if stored)
        return None if set(won.values()) == {1} and len(won) == 20 else f"created {won}"

    return main


def one_is_stale(committer: type[Committer]):
    """Fifteen good decisions and a stale one."""

    async def main(random):
        group = committer()
        decisions = [creation(number) for number in range(15)] + [creation(99, expected=77)]
        stored = sum(await group.append_all(random.sample(decisions, 16)))
        few = group.server.batches <= 2 * 4 + 1
        return None if (stored, few) == (15, True) else f"{stored} stored, in {group.server.batches} batches"

    return main


def test_a3_of_two_decisions_of_one_execution_the_second_waits():
    assert broken(racing(Committer), SEEDS) == {}


def test_a3_two_decisions_of_one_execution_in_a_batch_are_both_stored():
    assert "created" in first_broken(racing(Together), SEEDS)


def test_a4_a_refused_batch_is_halved_until_the_innocent_are_stored():
    assert broken(one_is_stale(Committer), SEEDS) == {}


def test_a4_without_halving_the_innocent_are_refused():
    assert first_broken(one_is_stale(AllOrNothing), SEEDS) == "0 stored, in 1 batches"
