"""The torture list, 2, 4 and 18: what goes away, or comes twice, in the middle of something."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import aiohttp

from onward.bus.bus import open_bus
from onward.contract import ids, subjects
from tests.support.platform import Platform, platform
from tests.support.valve import valve


async def paid_twice(onward: Platform, executions: list[str]) -> list[tuple[str, int]]:
    """Steps that an attempt began though an earlier one had stored their checkpoint.

    What a step did just before its worker died, with nothing stored yet, is done again: that is no fault.
    """
    stored: dict[tuple[str, str], int] = {}
    for execution in executions:
        for event in await onward.events(execution):
            if event["type"] == "checkpoint_reached":
                stored[execution, event["name"]] = event["attempt"]
    return [
        (effect["execution_id"], effect["step"])
        for effect in onward.effects()
        if effect["what"] == "begin"
        and effect["attempt"] > stored[effect["execution_id"], f"step {effect['step']}"]
    ]


async def test_torture_02_postgres_restarts_while_executions_are_being_recovered(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2) as onward:
        accepted = [await onward.submit("five", {"seconds": 0.3}) for _ in range(20)]
        begun = await onward.effect(step=2, what="begin")
        onward.postgres.kill()
        onward.kill(next(name for name, p in onward.processes.items() if p.pid == begun["pid"]))
        await onward.effect(attempt=2, what="begin")
        onward.postgres.start()
        ended = [await onward.ended(execution) for execution in accepted]
        assert {one["status"] for one in ended} == {"completed"}
        assert await paid_twice(onward, accepted) == []

        async def all_listed() -> bool:
            status, page = await onward.call("GET", "/executions?task=five&status=completed&limit=200")
            return status == 200 and {one["id"] for one in page["items"]} >= set(accepted)

        await onward.eventually(all_listed, 60, "the projection has not caught up")


async def test_torture_04_workers_of_one_host_overlap_in_a_rolling_restart_and_nothing_is_run_twice(
    tmp_path: Path,
) -> None:
    """They share host and queue; each start is a worker of its own, so nobody takes another for itself."""
    async with platform(tmp_path, workers=2, ONWARD_DRAIN_SECONDS="0.2", ONWARD_CANCEL_GRACE="1") as onward:
        accepted = [await onward.submit("five", {"seconds": 0.3}) for _ in range(15)]
        for old, new in (("worker-1", "worker-3"), ("worker-2", "worker-4"), ("worker-3", "worker-5")):
            onward.start(new)
            await onward.ready(new)
            accepted += [await onward.submit("five", {"seconds": 0.1}) for _ in range(5)]
            onward.kill(old, signal.SIGTERM)
        ended = [await onward.ended(execution) for execution in accepted]
        assert {one["status"] for one in ended} == {"completed"}
        assert await paid_twice(onward, accepted) == []
        ends = Counter((e["execution_id"], e["step"]) for e in onward.effects() if e["what"] == "end")
        assert set(ends.values()) == {1}
        assert len(ends) == 5 * len(accepted)


async def test_torture_18_a_gateway_that_dies_between_the_append_and_its_answer_makes_no_second_execution(
    tmp_path: Path,
) -> None:
    async with platform(tmp_path, workers=1) as onward, valve(onward.servers[0].port) as nats:
        onward.kill("gateway-1")
        onward.start("gateway-1", ONWARD_NATS_URL=nats.url(onward.servers.urls))
        await onward.ready("gateway-1")
        key = "payment-17"
        expected = ids.keyed_id("default", key)
        stored = asyncio.Event()
        bus = await open_bus(onward.servers.urls, "witness", lambda: None)

        async def heard(subject: str, _data: bytes) -> None:
            if expected in subject:
                stored.set()

        await bus.messages.subscribe(subjects.ECHO_OF_EVENTS, heard)
        nats.close_towards_client()
        body = {"task": "five", "input": {"seconds": 0.01}, "idempotency_key": key}
        asking = asyncio.create_task(onward.call("POST", "/executions", body))
        await asyncio.wait_for(stored.wait(), 30)
        assert not asking.done(), "nobody was told yet"
        onward.kill("gateway-1")
        nats.open()
        answers = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(answers[0], aiohttp.ClientError)
        onward.start("gateway-1")
        await onward.ready("gateway-1")
        status, again = await onward.call("POST", "/executions", body)
        assert (status, again["id"]) == (200, expected)
        assert (await onward.ended(expected))["status"] == "completed"
        begins = Counter(e["step"] for e in onward.effects() if e["what"] == "begin")
        assert set(begins.values()) == {1}
        await bus.close()
