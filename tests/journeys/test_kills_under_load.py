"""Every part is killed in turn while work is in flight: nothing accepted is lost, one outcome each."""

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.support.platform import Platform, platform

LEGAL_ENDS = {"completed", "failed", "cancelled"}


@pytest.mark.timeout(400)
async def test_each_part_killed_in_turn_loses_nothing_on_three_servers(tmp_path: Path) -> None:
    async with platform(tmp_path, servers=3, each=2, workers=2, slots=20) as onward:
        await journey(onward, seconds=50.0, every=3.0)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_each_part_killed_in_turn_for_five_minutes_on_three_servers(tmp_path: Path) -> None:
    async with platform(tmp_path, servers=3, each=2, workers=3, slots=20) as onward:
        await journey(onward, seconds=300.0, every=4.0)


async def journey(onward: Platform, *, seconds: float, every: float) -> None:
    accepted: list[str] = []
    stop = asyncio.Event()
    load = [asyncio.create_task(submit_on(onward, accepted, stop)) for _ in range(4)]
    landed = await kill_in_turn(onward, seconds, every, accepted)
    stop.set()
    await asyncio.gather(*load)
    began = time.monotonic()
    ends = Counter([(await onward.ended(execution, within=90))["status"] for execution in accepted])
    print(f"{len(accepted)} accepted, {ends}, kills that landed on work in flight: {landed}, "
          f"drained in {time.monotonic() - began:.0f} s")  # fmt: skip
    assert sum(landed.values()) >= 10, "too few kills landed on work in flight"
    assert ends == {"completed": len(accepted)}
    await check(onward, accepted)


async def submit_on(onward: Platform, accepted: list[str], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            status, answer = await onward.call(
                "POST", "/executions", {"task": "five", "input": {"seconds": 0.2}}, timeout=5
            )
        except (TimeoutError, aiohttp.ClientError):
            await asyncio.sleep(0.1)
            continue
        if status == 202:
            accepted.append(answer["id"])
        await asyncio.sleep(0.15)


async def kill_in_turn(onward: Platform, seconds: float, every: float, accepted: list[str]) -> Counter[str]:
    landed: Counter[str] = Counter()
    rng, began = random.Random(7), time.monotonic()
    parts = [*onward.processes, "nats", "postgres"]
    order: list[str] = []
    # On a slow machine a kill takes longer, so fewer fit into the same time: the number counts too.
    while (lasted := time.monotonic() - began) < seconds or (landed.total() < 10 and lasted < 4 * seconds):
        await asyncio.sleep(every)
        order = order or rng.sample(parts, len(parts))
        part = order.pop()
        in_flight = open_steps(onward, part)
        await kill(onward, part, rng)
        landed[part.split("-")[0]] += bool(in_flight)
    return landed


def open_steps(onward: Platform, part: str) -> int:
    """Steps in flight now; on a worker, those of this worker."""
    pid = onward.processes[part].pid if part.startswith("worker") else None
    opened: set[tuple[str, int, int]] = set()
    for effect in onward.effects():
        key = (effect["execution_id"], effect["step"], effect["attempt"])
        if effect["what"] == "end":
            opened.discard(key)
        elif effect["t"] > time.time() - 3 and pid in (None, effect["pid"]):
            opened.add(key)
    return len(opened)


async def kill(onward: Platform, part: str, rng: random.Random) -> None:
    if part == "nats":
        # On three servers the one that leads EVENTS: the worst of them.
        server = onward.servers.leader_of("ONWARD_EVENTS") if len(onward.servers) > 1 else onward.servers[0]
        server.kill()
        await asyncio.sleep(rng.random())
        server.start(wait=False)
    elif part == "postgres":
        onward.postgres.kill()
        await asyncio.sleep(rng.random())
        onward.postgres.start()  # from the main thread: its death signal hangs on it
    else:
        onward.kill(part, signal.SIGKILL)
        await asyncio.sleep(rng.random())
        onward.start(part)


async def check(onward: Platform, accepted: list[str]) -> None:
    begun: Counter[tuple[str, int]] = Counter()
    for effect in onward.effects():
        begun[effect["execution_id"], effect["step"]] += effect["what"] == "begin"
    for execution in accepted:
        events = await onward.events(execution)
        types = [event["type"] for event in events]
        assert [event["n"] for event in events] == list(range(1, len(events) + 1))
        assert sum(kind in LEGAL_ENDS for kind in types) == 1, types
        assert types[-1] in LEGAL_ENDS
        attempts = [event["attempt"] for event in events if event["type"] == "started"]
        assert attempts == list(range(1, len(attempts) + 1))
        paid = Counter(event["name"] for event in events if event["type"] == "checkpoint_reached")
        assert set(paid.values()) == {1}, "a checkpoint was reached twice"
        repeats = sum(begun[execution, step] - 1 for step in range(1, 6))
        assert repeats <= len(attempts) - 1, "a paid step was run again"
