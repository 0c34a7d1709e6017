"""PROTOCOL, "Reading" and "Retention": each rule holds in simulation, and what breaks without it."""

import asyncio

from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.errors import BrokenLog, FenceLost
from onward.contract.lifecycle import fold
from onward.contract.log import Decision, Log, Stored
from onward.tasks import context
from onward.tasks.registry import Registry
from onward.testing.bus import MemoryBus
from onward.testing.faults import CALM, Faults
from tests.simulation.installation import PROJECT, Installation, Setup, Worker, broken, first_broken, said
from tests.simulation.scenarios import tasks
from tests.support.builders import event, events, stored

SEEDS = range(30)


# V1: only an accepted append is authoritative; doing nothing needs a read that reaches a known floor


class IgnoresFloors:
    """PLANTED: believes whatever a read says."""

    def __init__(self, inner) -> None:
        self.inner, self.append, self.scan = inner, inner.append, inner.scan

    async def read(self, project, execution_id, *, route=None, floor=0):
        return await self.inner.read(project, execution_id, route=route)

    async def read_on(self, log, *, floor=0):
        await asyncio.sleep(0.01)
        return await self.inner.read_on(log)


def stale_day(sees):
    async def main(random):
        setup = Setup(tasks=tasks, sees=sees)
        here = Installation(random, setup, faults=Faults(delay=0.02, stale=0.5))
        return said(await here.day((random.choice(["sleepy", "asks", "flaky"]) for _ in range(6)), wear=0))

    return main


def test_v1_a_hint_is_dropped_only_on_a_read_that_reaches_its_floor():
    assert broken(stale_day(lambda events: events), SEEDS) == {}


def test_v1_a_hint_dropped_on_a_stale_read_strands_its_execution():
    assert "never ended" in first_broken(stale_day(IgnoresFloors), SEEDS)


# V2: every event has its ordinal, and a missing one is noticed

HISTORY = stored(
    events(
        ev.Submitted,
        ev.Started,
        ev.CheckpointReached,
        ev.Recovered,
        (ev.Started, {"attempt": 2, "work_sequence": 8}),
        (ev.CheckpointReached, {"attempt": 2, "name": "two"}),
        (ev.Released, {"attempt": 2}),
        (ev.Started, {"attempt": 2, "work_sequence": 9}),
        ev.Completed,
    )
)
PREFIXES = [fold(item.event for item in HISTORY[: k + 1]) for k in range(len(HISTORY))]


def torn(random) -> list[Stored]:
    """Two subjects, each read as of another moment."""
    plain, wakes = random.randint(0, 9), random.randint(1, 9)
    return [item for item in HISTORY if item.sequence <= (wakes if item.event.wake else plain)]


def look(read):
    async def main(random):
        for _ in range(30):
            try:
                state = read(torn(random))
            except BrokenLog:
                continue
            if state not in PREFIXES:
                return f"read as {state.status} ({state.reason}), which it never was"
        return None

    return main


def renumbered(read: list[Stored]):
    """PLANTED: folds over a hole."""
    from msgspec.structs import replace

    return fold(replace(item.event, n=n) for n, item in enumerate(read, 1))


def test_v2_a_torn_read_is_noticed():
    assert broken(look(lambda read: Log.of(read).execution), SEEDS) == {}


def test_v2_a_fold_over_a_hole_tells_what_never_was():
    assert "never was" in first_broken(look(renumbered), SEEDS)


# T1, T2: what is still open is carried, and nothing is dropped for its age

HORIZON = 120.0


def patient(worker: Worker) -> Registry:
    registry = Registry()

    async def step(name: str, seconds: float = 0.0) -> str:
        session = context.execution()
        worker.effect(session.execution_id, f"/{name}", session.attempt, "begin")
        await asyncio.sleep(seconds)
        return name

    @registry.task
    async def sleeps_long() -> str:
        first = await context.step("before", step, "before")
        await context.sleep(600)
        return first + await context.step("after", step, "after")

    @registry.task
    async def works_long() -> list[str]:
        return [await context.step(f"step-{i}", step, f"step-{i}", 40.0) for i in range(12)]

    @registry.task
    async def quick() -> str:
        return await context.step("only", step, "only")

    return registry


class Retention:
    """The loop of execution_state in small: carry what is open, then purge."""

    def __init__(self, here: Installation) -> None:
        self.here, self.process = here, here.bus.process("retention")
        self.ages: list[tuple[float, int]] = []
        here.bus.events.listeners.append(self.note)

    def note(self, item: Stored) -> None:
        self.ages.append((asyncio.get_running_loop().time(), item.sequence))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(20)
            old = asyncio.get_running_loop().time() - HORIZON
            last = max((sequence for at, sequence in self.ages if at <= old), default=0)
            for execution_id in list(self.here.logs):
                await self.carry(execution_id, last)
            self.here.bus.events.purge(last)

    def needs_carrying(self, log: Log, last: int) -> bool:
        return log.stored[0].sequence <= last

    async def carry(self, execution_id: str, last: int) -> None:
        while True:
            log = await self.process.events.read(PROJECT, execution_id)
            if log is None or log.execution.ended or not self.needs_carrying(log, last):
                return
            made = carry(log.execution, log.checkpoints().values(), self.process.moment())
            decision = Decision(
                project=PROJECT, execution_id=execution_id, expected=log.sequence, events=made
            )
            try:
                await self.process.events.append(decision)
            except FenceLost:
                continue
            return


class ByAge(Retention):
    """PLANTED: what is old goes, whoever still needs it."""

    async def carry(self, execution_id: str, last: int) -> None:
        return


class OnlyTheSilent(Retention):
    """PLANTED: carries what has been silent, not what is in the middle of its work."""

    def needs_carrying(self, log: Log, last: int) -> bool:
        return log.sequence <= last


def long_days(retention: type[Retention]):
    async def main(random):
        here = Installation(random, Setup(tasks=patient, slots=4), faults=CALM)
        here.impatient = False
        here.client.process.run(retention(here).run())
        for name in ("sleeps_long", "works_long", "quick"):
            await here.client.submit(name)
        for _ in range(6):
            await asyncio.sleep(random.uniform(50, 100))
            here.kill(random.choice(here.workers))
        left = await here.settled(2_000)
        purged = here.bus.events.first > 1
        return (
            said(here.report())
            or (f"left {left}" if left else None)
            or (None if purged else "nothing was purged")
        )

    return main


def test_t1_t2_what_outlives_the_horizon_goes_on_with_its_checkpoints():
    assert broken(long_days(Retention), range(15)) == {}


def test_t1_an_age_limit_forgets_what_sleeps():
    assert first_broken(long_days(ByAge), range(15)) is not None


def test_t2_what_works_on_across_the_horizon_has_to_be_carried_too():
    assert first_broken(long_days(OnlyTheSilent), range(15)) is not None


# T3: a keyed creation that may be older than the purge first asks the projection


class Keyed:
    """Creations with one key, a projection that lags, a purge that follows it."""

    asks_projection = True

    def __init__(self, random) -> None:
        self.random, self.bus = random, MemoryBus(random)
        self.projected: set[str] = set()
        self.created: list[str] = []
        self.bus.events.listeners.append(self.note)

    def note(self, item: Stored) -> None:
        if isinstance(item.event, ev.Submitted):
            self.created.append(item.event.execution_id)

    async def create(self, name: str, execution_id: str) -> None:
        process = self.bus.process(name)
        for _ in range(4):
            await asyncio.sleep(self.random.uniform(0, 60))
            if self.asks_projection and self.bus.events.first > 1 and execution_id in self.projected:
                continue
            made = (
                event(ev.Submitted, 1, execution_id=execution_id),
                event(ev.Cancelled, 2, execution_id=execution_id),
            )
            try:
                await process.events.append(
                    Decision(project=PROJECT, execution_id=execution_id, expected=0, events=made)
                )
            except FenceLost:
                continue

    async def retain(self) -> None:
        position = 0
        while True:
            await asyncio.sleep(self.random.uniform(1, 10))
            purge_to, position = position, self.bus.events.last
            self.projected |= {
                ev.decode(raw.data).execution_id for raw in self.bus.events.raws if raw.sequence <= position
            }
            self.bus.events.purge(purge_to)


class AsksNobody(Keyed):
    """PLANTED: not in EVENTS is taken for never existed."""

    asks_projection = False


def keyed(kind: type[Keyed]):
    async def main(random):
        world = kind(random)
        ids = [f"018f0000-0000-7000-8000-00000000000{i}" for i in range(4)]
        retaining = asyncio.ensure_future(world.retain())
        await asyncio.gather(*(world.create(f"gateway-{i}", ids[i % 4]) for i in range(12)))
        retaining.cancel()
        return (
            None
            if len(world.created) == len(set(world.created))
            else "a finished execution was created again"
        )

    return main


def test_t3_a_key_names_one_execution_for_ever():
    assert broken(keyed(Keyed), SEEDS) == {}


def test_t3_a_purged_key_that_is_not_asked_for_creates_a_second_one():
    assert "created again" in first_broken(keyed(AsksNobody), SEEDS)
