"""The torture list, 16: retention works on a large history while everything else goes on."""

import asyncio
import time
from pathlib import Path

import pytest

from onward.bus import streams
from onward.bus.bus import open_bus
from tests.support.platform import Platform, platform

COPIES = """
insert into events select gen_random_uuid(), e.n, e.project, e.sequence, e.type, e.at - interval '1 day', e.body,
       e.retention, e.month
  from events e, generate_series(1, {times}) where e.execution_id = '{id}';
insert into executions
select (jsonb_populate_record(x, jsonb_build_object('id', gen_random_uuid()))).*
  from executions x, generate_series(1, {times}) where x.id = '{id}';
analyze;
"""
"""So many ended executions with their events, as if they had been there for a day."""


@pytest.mark.parametrize(
    "rows", [0, pytest.param(10_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
async def test_torture_16_retention_keeps_up_under_load_and_nobody_waits_for_it(
    tmp_path: Path, rows: int
) -> None:
    settings = {"ONWARD_HORIZON_SECONDS": "1", "ONWARD_RETENTION_SECONDS": "0.5"}
    async with platform(tmp_path, workers=1, slots=100, **settings) as onward:
        asleep = await onward.submit("sleeper", {"seconds": 15.0})
        first = await onward.submit("noop")
        await onward.ended(first)
        if rows:
            onward.postgres.sql(
                COPIES.format(id=first, times=rows // 4), "onward"
            )  # three events each, and one row
        load = asyncio.create_task(submitting(onward, seconds=10.0))
        accepted, slowest = await load
        for execution in accepted[-20:]:
            assert (await onward.ended(execution))["status"] == "completed"
        left = await events_left(onward)
        print(
            f"{len(accepted)} executions, {left} events left, the slowest POST took {slowest * 1000:.0f} ms"
        )
        assert slowest < 1.0
        assert left < 3 * len(accepted) / 2, "what is older than the horizon went while the load went on"
        assert (await onward.ended(asleep))["output"] == "woke"
        status, page = await onward.call("GET", "/executions?status=completed&limit=200")
        assert status == 200
        assert len(page["items"]) == 200


async def submitting(onward: Platform, seconds: float) -> tuple[list[str], float]:
    """Submits for so long, 20 at a time; the ids, and the longest time that one took."""
    until = time.monotonic() + seconds
    accepted: list[str] = []
    slowest = 0.0

    async def one_after_the_other() -> None:
        nonlocal slowest
        while time.monotonic() < until:
            began = time.monotonic()
            status, answer = await onward.call("POST", "/executions", {"task": "noop", "input": {}})
            slowest = max(slowest, time.monotonic() - began)
            assert status == 202, answer
            accepted.append(answer["id"])

    await asyncio.gather(*(one_after_the_other() for _ in range(20)))
    return accepted, slowest


async def events_left(onward: Platform) -> int:
    bus = await open_bus(onward.servers.urls, "journey-look", lambda: None)
    state = await streams.state(bus.connection)
    await bus.close()
    return state.last_sequence - state.first_sequence + 1
