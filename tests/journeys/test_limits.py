"""Limits under kills of workers and of what keeps them, as processes: never more than N at once, and none leaked.

Three witnesses: the executions' logs with every grant and return, the states of the keys as they were stored, looked at
all the time, and the ledger of what ran.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

import msgspec
import pytest

from onward.bus.bus import Bus, open_bus
from onward.bus.limit_log import LimitKeys
from onward.contract import events as ev
from onward.contract.log import Stored
from tests.support.grants import most_at_once, still_held
from tests.support.hostile import set_leases
from tests.support.limit_witness import most_at_work, most_held
from tests.support.platform import Platform, platform

LEAKED_AFTER = 30.0
"""Seconds after the last end in which every key has to be free (issue and PROTOCOL L1)."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much is submitted; the kills are spread over the ends of all that."""

    executions: int
    keys: int
    seconds: float
    kills: int
    within: float


class Killer:
    """Kills a worker or a keeper of limits, each in turn; it starts again at once."""

    def __init__(self, onward: Platform) -> None:
        self.deaths: dict[int, float] = {}
        """When each process was killed, by its pid."""
        self.killed: Counter[str] = Counter()
        self.seen: dict[str, int] = {}
        """The most holders of each key that were stored at any look."""
        names = sorted(name for name in onward.processes if name.startswith(("worker", "execution_state")))
        self._turns = cycle(random.Random(5).sample(names, len(names)))

    def kill_next(self, onward: Platform) -> None:
        """SIGKILL to whose turn it is."""
        part = next(self._turns)
        # From before the signal: what a process says that it did ends here at the latest.
        self.deaths[onward.processes[part].pid] = time.time()
        onward.kill(part)
        onward.start(part)
        self.killed[part.partition("-")[0]] += 1


def maxima(load: Load) -> dict[str, int]:
    return {f"key-{number}": 1 + number % 5 for number in range(load.keys)}


@pytest.mark.timeout(150)
async def test_keys_are_never_held_by_more_than_they_may_while_processes_are_killed(tmp_path: Path) -> None:
    load = Load(executions=150, keys=5, seconds=0.15, kills=3, within=90)
    # Three deaths within a second: what nobody has heard of yet is noticed by its lease.
    async with platform(tmp_path, workers=2, slots=20, ONWARD_ACK_WAIT="2.0") as onward:
        await set_leases(onward.servers.urls, 2.0)
        await journey(onward, load)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_20_keys_and_2000_executions_under_kills_of_processes_leak_nothing(tmp_path: Path) -> None:
    load = Load(executions=2000, keys=20, seconds=0.4, kills=60, within=900)
    async with platform(tmp_path, workers=3, slots=40) as onward:
        await journey(onward, load)


async def journey(onward: Platform, load: Load) -> None:
    bus = await open_bus(onward.servers.urls, "journey-limits", lambda: None)
    try:
        # A second keeper of limits: one of them is always there to notice a worker's death at once.
        onward.start("execution_state-2")
        began, rng = time.monotonic(), random.Random(11)
        # Nothing runs before all are there: however slow it is to submit, the keys get full, and there is work to kill.
        workers = [name for name in onward.processes if name.startswith("worker")]
        for name in workers:
            onward.kill(name, signal.SIGTERM)
        keys = await submit(onward, load, rng)
        for name in workers:
            onward.start(name)
        killer = Killer(onward)
        stored = await all_ended(onward, bus, load, killer)
        lasted = time.monotonic() - began
        freed = await all_free(onward, bus)
        ran = most_at_work(onward.effects(), killer.deaths, keys)
        over = judge(killer, load, ran=ran, stored=stored)
        admitted = sum(isinstance(item.event, ev.Admitted) for item in stored)
        print(
            f"{len(keys)} executions, {admitted} admissions in {lasted:.0f} s ({admitted / lasted:.0f}/s), "
            f"kills {dict(killer.killed)}, most over {over}, free {freed:.1f} s after the end"
        )
        assert killer.killed.total() == load.kills
    finally:
        await bus.close()


async def submit(onward: Platform, load: Load, rng: random.Random) -> dict[str, tuple[str, ...]]:
    """The keys of each execution: one, or two in any order."""
    most = maxima(load)
    asked = [tuple(rng.sample(sorted(most), rng.choice([1, 1, 2]))) for _ in range(load.executions)]
    few = asyncio.Semaphore(50)

    async def one(names: tuple[str, ...]) -> str:
        async with few:
            limits = [{"key": name, "max": most[name]} for name in names]
            given = {"number": 1, "seconds": load.seconds}
            return await onward.submit("leaf", given, limits=limits, retry={"attempts": 50, "first": 0.1})

    ids = await asyncio.gather(*map(one, asked))
    return dict(zip(ids, asked, strict=True))


async def all_ended(onward: Platform, bus: Bus, load: Load, killer: Killer) -> list[Stored]:
    """Everything that EVENTS has, once each execution has ended; as they end, somebody is killed."""
    found: list[Stored] = []

    async def so() -> bool:
        while page := await bus.events.scan(found[-1].sequence if found else 0, 1000):
            found.extend(Stored(raw.sequence, ev.decode(raw.data)) for raw in page)
        ended = sum(isinstance(item.event, ev.TERMINAL) for item in found)
        if (
            ended * (load.kills + 1) >= load.executions * (killer.killed.total() + 1)
            and ended < load.executions
        ):
            killer.kill_next(onward)
        for key, held in most_held(await LimitKeys(bus.connection).all()).items():
            killer.seen[key] = max(killer.seen.get(key, 0), held)
        return ended == load.executions

    await onward.eventually(so, load.within, "not every execution has ended")
    return found


async def all_free(onward: Platform, bus: Bus) -> float:
    """Seconds until no key has a holder any more."""
    began = time.monotonic()

    async def free() -> bool:
        return not any(state.holders for state in await LimitKeys(bus.connection).all())

    await onward.eventually(free, LEAKED_AFTER, "a key is still held")
    return time.monotonic() - began


def judge(killer: Killer, load: Load, *, ran: dict[str, int], stored: list[Stored]) -> int:
    """By how many any of the three witnesses saw a key exceeded: at most 0."""
    most = maxima(load)
    ends = Counter(type(item.event) for item in stored if isinstance(item.event, ev.TERMINAL))
    assert ends == {ev.Completed: load.executions}, ends
    seen = {
        "log of the executions": most_at_once(stored),
        "log of the keys": killer.seen,
        "ledger": ran,
    }
    too_many = {
        (who, key): held
        for who, found in seen.items()
        for key, held in found.items()
        if held > most.get(key, 0)
    }
    assert too_many == {}
    assert seen["log of the executions"].keys() == seen["ledger"].keys() == most.keys()
    assert still_held(stored) == {}
    return max(held - most.get(key, 0) for found in seen.values() for key, held in found.items())
