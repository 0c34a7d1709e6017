"""Journeys in which a worker is lost: the ledger outside the system says what really ran."""

import asyncio
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


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_200_executions_of_a_worker_paused_for_three_leases_take_nothing_from_it_afterwards(
    tmp_path: Path,
) -> None:
    count = 200
    async with platform(tmp_path, workers=1, slots=count) as onward:
        executions = [
            await onward.submit("five", {"count": 3, "seconds": 0.1, "hold": 2}) for _ in range(count)
        ]
        await onward.eventually(lambda: held(onward, 1, count), 120, "not all are in their second step")
        onward.pause("worker-1")
        paused = time.monotonic()
        onward.start("worker-2")
        await onward.eventually(lambda: held(onward, 2, count), 4 * ACK_WAIT + 60, "not all began again")
        await asyncio.sleep(max(0.0, paused + 3 * ACK_WAIT - time.monotonic()))
        onward.let_go()
        zombie = onward.processes["worker-1"].pid
        # The file that lets the steps end is there before the zombie wakes up: it writes as soon as it can.
        onward.resume("worker-1")
        for one in executions:
            assert (await onward.ended(one))["status"] == "completed"
        late = 0
        for one in executions:
            events = await onward.events(one)
            assert [e["n"] for e in events] == list(range(1, len(events) + 1))
            after = next(i for i, e in enumerate(events) if e["type"] == "started" and e["attempt"] == 2)
            late += sum(e.get("attempt", 2) != 2 for e in events[after:])
            assert sum(e["type"] == "completed" for e in events) == 1
        woke = sum(e["what"] == "end" and e["step"] == 2 and e["pid"] == zombie for e in onward.effects())
        print(
            f"{count} paused for {3 * ACK_WAIT:.0f} s: {woke} steps ended late, {late} late writes accepted"
        )
        assert late == 0


async def held(onward: Platform, attempt: int, count: int) -> bool:
    """Whether so many executions are in the step that waits for the test, in this attempt."""
    begun = {e["execution_id"] for e in onward.effects() if (e["attempt"], e["step"]) == (attempt, 2)}
    return len(begun) >= count


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
