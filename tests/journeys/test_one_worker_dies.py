"""Journeys in which a worker is lost: the ledger outside the system says what really ran."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.platform import ACK_WAIT, Platform, platform


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_a_killed_workers_execution_goes_on_elsewhere_at_once_and_repeats_no_paid_step(
    tmp_path: Path, servers: int
) -> None:
    async with platform(tmp_path, servers=servers, workers=2) as onward:
        execution = await onward.submit("five", {"seconds": 0.1, "hold": 3})
        begun = await onward.effect(execution_id=execution, step=3, what="begin")
        victim = next(name for name, p in onward.processes.items() if p.pid == begun["pid"])
        killed = time.time()
        onward.kill(victim)
        again = await onward.effect(execution_id=execution, attempt=2, step=3, what="begin")
        onward.let_go()
        ended = await onward.ended(execution)
        print(f"killed in step 3, step 3 begins again after {(again['t'] - killed) * 1000:.0f} ms")
        assert again["t"] - killed <= ACK_WAIT / 2, "its lease was waited for"
        assert ended["output"] == [1, 2, 3, 4, 5]
        begins = Counter(e["step"] for e in onward.effects() if e["what"] == "begin")
        assert begins == {1: 1, 2: 1, 3: 2, 4: 1, 5: 1}


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_torture_05_a_worker_paused_beyond_its_lease_can_write_nothing_afterwards(
    tmp_path: Path, servers: int
) -> None:
    async with platform(tmp_path, servers=servers, workers=2) as onward:
        execution = await onward.submit("five", {"seconds": 0.1, "hold": 2})
        begun = await onward.effect(execution_id=execution, step=2, what="begin")
        zombie = next(name for name, p in onward.processes.items() if p.pid == begun["pid"])
        onward.pause(zombie)
        await onward.effect(execution_id=execution, attempt=2, step=2, what="begin", within=2 * ACK_WAIT + 20)
        onward.let_go()
        onward.resume(zombie)
        ended = await onward.ended(execution)
        assert ended["status"] == "completed"
        events = await onward.events(execution)
        assert [e["n"] for e in events] == list(range(1, len(events) + 1))
        after = next(i for i, e in enumerate(events) if e["type"] == "started" and e["attempt"] == 2)
        assert all(e.get("attempt", 2) == 2 for e in events[after:]), "the zombie wrote behind its successor"
        assert sum(e["type"] == "completed" for e in events) == 1


def other_pid(onward: Platform, leaving: str) -> int:
    return next(
        p.pid for name, p in onward.processes.items() if name.startswith("worker") and name != leaving
    )


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_a_terminated_worker_hands_its_execution_back_and_nothing_is_repeated(
    tmp_path: Path, servers: int
) -> None:
    async with platform(
        tmp_path, servers=servers, workers=2, ONWARD_DRAIN_SECONDS="0.2", ONWARD_CANCEL_GRACE="1"
    ) as onward:
        execution = await onward.submit("five", {"seconds": 0.1, "hold": 2})
        begun = await onward.effect(execution_id=execution, step=2, what="begin")
        leaving = next(name for name, p in onward.processes.items() if p.pid == begun["pid"])
        onward.processes[leaving].terminate()
        await onward.effect(execution_id=execution, step=2, what="begin", pid=other_pid(onward, leaving))
        onward.let_go()
        ended = await onward.ended(execution)
        assert onward.processes[leaving].wait(20) == 0
        assert (ended["status"], ended["attempt"]) == ("completed", 1)
        begins = Counter(e["step"] for e in onward.effects() if e["what"] == "begin")
        assert (begins[1], begins[2]) == (1, 2)
