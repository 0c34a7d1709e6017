"""Many executions asleep: they survive a restart of everything, and cost a worker nothing meanwhile."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.memory import resident
from tests.support.platform import Platform, platform


async def fall_asleep(onward: Platform, count: int, seconds: float) -> list[str]:
    """So many sleepers, each after its first step, all suspended."""
    accepted: list[str] = []
    wanted = asleep(onward) + count
    for start in range(0, count, 500):
        items = [{"task": "sleeper", "input": {"seconds": seconds}}] * min(500, count - start)
        status, answer = await onward.call("POST", "/executions/batch", {"items": items})
        assert status in (200, 202, 207), answer
        accepted += [item["execution"]["id"] for item in answer["items"]]

    while (so_far := asleep(onward)) < wanted:

        async def more_are(so_far: int = so_far) -> bool:
            return asleep(onward) > so_far

        await onward.eventually(more_are, 60, f"no more than {so_far} fell asleep")

    async def none_is_busy() -> bool:
        status, page = await onward.call("GET", "/workers")
        return status == 200 and not any(worker["busy"] for worker in page["items"])

    await onward.eventually(none_is_busy, 60, "the workers are not free")
    return accepted


def asleep(onward: Platform) -> int:
    return sum(effect["step"] == 1 and effect["what"] == "end" for effect in onward.effects())


async def test_a_thousand_asleep_over_a_restart_of_everything_wake_in_time_and_none_early(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=2) as onward:
        accepted = await fall_asleep(onward, 1000, 30.0)
        for name in onward.processes:
            onward.kill(name)
        for server in onward.servers:
            server.kill()
        onward.postgres.kill()
        onward.postgres.start()
        for server in onward.servers:
            server.start()
        for name in list(onward.processes):
            onward.start(name)
        await onward.ready()
        up_again = time.time()
        few = asyncio.Semaphore(50)

        async def log_of(execution: str) -> list[dict]:
            async with few:
                return await onward.events(execution)

        logs = await asyncio.gather(*map(log_of, accepted))
        due = dict(zip(accepted, map(until_of, logs), strict=True))
        await asyncio.gather(*(onward.ended(execution, within=90) for execution in accepted))
        woke = {
            e["execution_id"]: e["t"] for e in onward.effects() if e["step"] == 2 and e["what"] == "begin"
        }
        late = sorted(woke[execution] - due[execution] for execution in accepted)
        print(f"woke {late[0]:.3f} to {late[-1]:.3f} s after their time, half within {late[500]:.3f} s")
        assert late[0] >= 0
        # Long before anybody looks for what was forgotten, counted from when there was somebody to wake it.
        assert max(woke[one] - max(due[one], up_again) for one in accepted) <= 20.0


def until_of(events: list[dict]) -> float:
    """When an execution wanted to wake, as seconds since 1970."""
    slept = next(event for event in events if event["type"] == "slept")
    return datetime.fromisoformat(slept["until"]).timestamp()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_ten_thousand_asleep_cost_a_worker_nothing(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        pid = onward.processes["worker-1"].pid
        await fall_asleep(onward, 500, 3600.0)
        before = resident(pid)
        await fall_asleep(onward, 10_000, 3600.0)
        grown = resident(pid) - before
        print(f"10,000 sleeping executions: the worker grew by {grown / 2**20:.1f} MiB")
        assert grown < 10 << 20
