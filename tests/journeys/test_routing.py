"""Executions that wait are moved between queues, and workers told what to do, on real servers and processes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.platform import Platform, platform


async def told(onward: Platform, worker: str, act: str, body: Any = None) -> dict[str, Any]:
    status, answer = await onward.call("POST", f"/workers/{worker}/{act}", body or {})
    assert status == 200, answer
    return answer


async def amend(onward: Platform, execution: str, **to: Any) -> None:
    status, answer = await onward.call("PATCH", f"/executions/{execution}", to)
    assert status == 200, answer


async def worker_of(onward: Platform, queue: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    async def heard() -> bool:
        _, page = await onward.call("GET", "/workers")
        found[:] = [one for one in page["items"] if one["queues"] == [queue] and one["status"] != "gone"]
        return bool(found)

    await onward.eventually(heard, 40, f"no worker of {queue} is heard of")
    return found[0]


async def test_seed_priorities_what_waits_in_a_full_queue_is_moved_to_where_a_worker_is_free(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1, slots=1) as onward:
        onward.start("worker-2", ONWARD_QUEUES="urgent")
        default, urgent = await worker_of(onward, "default"), await worker_of(onward, "urgent")
        long = await onward.submit("five", {"count": 1, "seconds": 60.0})
        await onward.effect(execution_id=long, what="begin")
        waiting = [await onward.submit("noop") for _ in range(3)]
        asleep = await onward.submit("sleeper", {"seconds": 10.0}, queue="urgent")
        await onward.reaches(asleep, "sleeping")

        # One moves, one moves and is delayed, one stays; a sleep ends in its new queue.
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        await amend(onward, asleep, queue="default")
        await amend(onward, waiting[0], queue="urgent", priority=9)
        await amend(onward, waiting[1], queue="urgent", run_at=later)

        moved = await onward.ended(waiting[0])
        assert (moved["status"], moved["worker_id"]) == ("completed", urgent["worker_id"])
        assert (await onward.get(waiting[1]))["reason"] == "delayed"

        # Live, without a restart: another slot lets the rest go.
        assert (await told(onward, default["worker_id"], "slots", {"slots": 2}))["slots"] == 2
        for execution in (waiting[2], asleep):
            ended = await onward.ended(execution)
            assert (ended["status"], ended["worker_id"]) == ("completed", default["worker_id"])

        # Drained, a worker takes nothing new, and ends by itself.
        stands = await told(onward, urgent["worker_id"], "drain", {"exit": True})
        assert stands["status"] in {"draining", "drained"}
        await onward.eventually(
            lambda: _ended(onward, "worker-2"), 60, "the drained worker does not end", "worker-2"
        )
        assert onward.processes["worker-2"].returncode == 0


async def _ended(onward: Platform, name: str) -> bool:
    return onward.processes[name].poll() is not None
