"""Cancel, with everything real in between."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.platform import platform


async def test_a_pending_execution_is_cancelled_at_once_and_never_started(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        execution = await onward.submit("five", delay=5)
        status, answer = await onward.call(
            "POST", f"/executions/{execution}/cancel", {"reason": "not needed"}
        )
        assert (status, answer["status"], answer["reason"]) == (200, "cancelled", "not needed")
        # Due after the cancelled one: when this has ended, that would have started.
        await onward.ended(await onward.submit("five", {"seconds": 0.01}, delay=5))
        assert all(effect["execution_id"] != execution for effect in onward.effects())
        assert [event["type"] for event in await onward.events(execution)] == ["submitted", "cancelled"]
        status, again = await onward.call("POST", f"/executions/{execution}/cancel", {})
        assert (status, again["status"]) == (200, "cancelled")


async def test_a_running_step_is_told_while_it_runs_and_no_step_starts_afterwards(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=1) as onward:
        execution = await onward.submit("five", {"hold": 1})
        await onward.effect(execution_id=execution, step=1, what="begin")
        asked = time.monotonic()
        status, answer = await onward.call("POST", f"/executions/{execution}/cancel", {})
        assert (status, answer["status"], answer["reason"]) == (202, "running", "cancelling")
        ended = await onward.ended(execution)
        print(f"cancelled within {(time.monotonic() - asked) * 1000:.0f} ms")
        assert ended["status"] == "cancelled"
        assert {effect["step"] for effect in onward.effects()} == {1}
        status, problem = await onward.call("POST", f"/executions/{execution}/retry", {})
        assert status in (200, 202), problem


async def test_the_cancel_of_a_dead_workers_execution_is_finished_without_running_its_code(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1) as onward:
        execution = await onward.submit("five", {"hold": 1})
        await onward.effect(execution_id=execution, step=1, what="begin")
        onward.pause("worker-1")
        status, _ = await onward.call("POST", f"/executions/{execution}/cancel", {})
        assert status == 202
        onward.kill("worker-1")  # still paused: it has never heard of the cancel
        onward.start("worker-2")
        assert (await onward.ended(execution))["status"] == "cancelled"
        assert Counter(e["what"] for e in onward.effects()) == {"begin": 1}


@pytest.mark.parametrize(
    "pairs", [60, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
async def test_torture_08_a_cancel_that_races_completion_tells_both_callers_the_truth(
    pairs: int, tmp_path: Path
) -> None:
    async with platform(tmp_path, workers=1, slots=50) as onward:
        said: Counter[tuple[int, str]] = Counter()

        async def race(delay: float) -> None:
            execution = await onward.submit("five", {"count": 1, "seconds": 0.1})
            await asyncio.sleep(delay)
            status, _ = await onward.call("POST", f"/executions/{execution}/cancel", {})
            ended = await onward.ended(execution)
            said[status, ended["status"]] += 1
            assert (status == 409) == (ended["status"] == "completed")

        apart = 0.02
        for _ in range(10 + pairs // 15):
            before = Counter(said)
            await asyncio.gather(*(race(apart * number) for number in range(15)))
            ends = {ended for _, ended in said - before}
            if said.total() >= pairs and len({ended for _, ended in said}) == 2:
                break
            # As slow as this machine is: until some cancels come in time, and some too late.
            apart *= 2 if ends == {"cancelled"} else 0.5 if ends == {"completed"} else 1
        print(said)
        assert {ended for _, ended in said} == {"completed", "cancelled"}, "the race was never close"
