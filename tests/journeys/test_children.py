"""A fan-out whose parent's worker is killed again and again: each child is one execution, the parent has one result."""

import contextlib
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.platform import Platform, platform


@pytest.mark.timeout(200)
async def test_a_fan_out_survives_the_death_of_its_parents_worker(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2, slots=20) as onward:
        await journey(onward, count=1000, kills=4, within=90)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_fan_out_of_10_000_survives_ten_deaths_of_its_parents_worker(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2, slots=20) as onward:
        await journey(onward, count=10_000, kills=10, within=600)


async def journey(onward: Platform, *, count: int, kills: int, within: float) -> None:
    began = time.monotonic()
    parent = await onward.submit("fan_out", {"count": count})
    for kill in range(1, kills + 1):
        await kill_its_worker(onward, parent, after=kill * count // (kills + 2))
    ended = await onward.ended(parent, within=within)
    took = time.monotonic() - began

    events = await all_events(onward, parent)
    types = Counter(event["type"] for event in events)
    print(f"{count} children, {kills} kills: {took:.1f} s, {count / took:.0f}/s, {len(events)} events of the parent: "
          f"{dict(types)}, {len(str(events))} bytes")  # fmt: skip
    assert (ended["status"], ended["output"]) == ("completed", count * (count - 1) // 2)
    assert sum(types[kind] for kind in ("completed", "failed", "cancelled")) == 1
    assert types["recovered"] >= kills
    assert sum(len(event["inputs"]) for event in events if event["type"] == "children_spawned") == count
    ends = [end for event in events if event["type"] == "children_done" for end in event["ends"]]
    assert sorted(end["index"] for end in ends) == list(range(count))
    check_ledger(onward, parent, count)


async def kill_its_worker(onward: Platform, parent: str, *, after: int) -> None:
    """SIGKILL to whoever runs the parent, once so many children have ended; another one starts in its place."""

    async def so_many() -> bool:
        return sum("leaf" in effect and effect["what"] == "end" for effect in onward.effects()) >= after

    await onward.eventually(so_many, 120, f"not {after} children have ended")
    attempt = (await onward.get(parent))["attempt"]
    landed: dict = {}

    async def is_recovered() -> bool:
        landed.update(await onward.get(parent))
        return landed["attempt"] > attempt or landed["reason"] == "recovering"

    while not landed or landed["attempt"] == attempt:
        # While it sleeps until more children have ended, nobody runs it: then the kill hits its children alone.
        await onward.reaches(parent, "executing", within=60)
        pid = [effect["pid"] for effect in onward.effects() if effect["what"] == "fans out"][-1]
        name = next((name for name, process in onward.processes.items() if process.pid == pid), None)
        if name is not None:
            onward.kill(name)
            onward.start(name)
            with contextlib.suppress(AssertionError):
                await onward.eventually(is_recovered, 5, "not recovered")


async def all_events(onward: Platform, execution: str) -> list[dict]:
    events, cursor = [], ""
    while cursor is not None:
        status, page = await onward.call(
            "GET", f"/executions/{execution}/events?limit=200{cursor and f'&cursor={cursor}'}"
        )
        assert status == 200, page
        events += page["items"]
        cursor = page["next_cursor"]
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    return events


def check_ledger(onward: Platform, parent: str, count: int) -> None:
    """Each child is one execution; one that ran again did so in a later attempt, since its worker was killed."""
    runs: dict[int, set[str]] = {}
    begun: Counter[tuple[str, int]] = Counter()
    for effect in onward.effects():
        if "leaf" in effect:
            runs.setdefault(effect["leaf"], set()).add(effect["execution_id"])
            begun[effect["execution_id"], effect["attempt"]] += effect["what"] == "begin"
    assert set(runs) == set(range(count))
    assert all(len(ids) == 1 for ids in runs.values()), "two executions for one child"
    assert len({next(iter(ids)) for ids in runs.values()}) == count
    assert set(begun.values()) == {1}, "an attempt ran twice"
