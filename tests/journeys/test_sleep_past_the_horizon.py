"""What is still open outlives the retention of its events; what has ended keeps its idempotency key."""

from pathlib import Path

import pytest

from tests.support.platform import Platform, platform


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_an_execution_asleep_past_the_horizon_resumes_with_its_checkpoints(
    tmp_path: Path, servers: int
) -> None:
    async with platform(
        tmp_path, servers=servers, ONWARD_HORIZON_SECONDS="2", ONWARD_RETENTION_SECONDS="0.5"
    ) as onward:
        execution = await onward.submit("sleeper", {"seconds": 12.0})
        await onward.reaches(execution, "sleeping")
        await purged(onward, execution)
        ended = await onward.ended(execution)
        assert (ended["status"], ended["output"]) == ("completed", "woke")
        steps = [e["step"] for e in onward.effects() if e["what"] == "begin"]
        assert steps == [1, 2]


@pytest.mark.parametrize("servers", [1, pytest.param(3, marks=pytest.mark.slow)])
async def test_the_same_idempotency_key_gives_the_same_execution_after_the_purge(
    tmp_path: Path, servers: int
) -> None:
    async with platform(
        tmp_path, servers=servers, ONWARD_HORIZON_SECONDS="1", ONWARD_RETENTION_SECONDS="0.5"
    ) as onward:
        body = {"task": "noop", "input": {}, "idempotency_key": "order-1"}
        status, first = await onward.call("POST", "/executions", body)
        assert status == 202
        await onward.ended(first["id"])
        await purged(onward, first["id"])
        status, again = await onward.call("POST", "/executions", body)
        assert (status, again["id"], again["status"]) == (200, first["id"], "completed")
        status, problem = await onward.call("POST", "/executions", {**body, "task": "five"})
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
        assert (await onward.get(first["id"]))["version"] == 3


async def purged(onward: Platform, execution: str) -> None:
    """Wait until EVENTS no longer holds the first event of an execution."""
    from onward.bus.bus import open_bus

    bus = await open_bus(onward.servers.urls, "journey-look", lambda: None)

    async def gone() -> bool:
        log = await bus.events.read("default", execution)
        return log is None or log.stored[0].event.n != 1

    await onward.eventually(gone, 30, "nothing was purged")
    await bus.close()
