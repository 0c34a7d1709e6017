"""The torture list, 16: retention works on a large history while everything else goes on."""

import asyncio
import statistics
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
do $$
declare
  names text := (select string_agg(quote_ident(column_name), ', ') from information_schema.columns
                  where table_schema = 'public' and table_name = 'executions' and is_generated = 'NEVER');
begin
  execute format('insert into executions (%1$s) select %1$s from (
    select (jsonb_populate_record(x, jsonb_build_object(''id'', gen_random_uuid()))).*
      from executions x, generate_series(1, {times}) where x.id = ''{id}'') copies', names);
end $$;
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
        accepted, usual, slowest = await load
        for execution in accepted[-20:]:
            assert (await onward.ended(execution))["status"] == "completed"
        gone = (await events_kept(onward))[0] - 1
        assert gone > 0, "nothing went while the load went on"
        left = await few_left(onward, 3 * len(accepted) / 2)
        print(
            f"{len(accepted)} executions, {gone} events gone under load, {left} left in the end, "
            f"POST took {usual * 1000:.0f} ms, {slowest * 1000:.0f} ms at most"
        )
        assert slowest < 1.0 + 50 * usual, "somebody waited for it"
        assert (await onward.ended(asleep))["output"] == "woke"
        await onward.eventually(
            lambda: _as_many_listed(onward, min(200, len(accepted))), 40, "what was purged is not listed"
        )


async def submitting(onward: Platform, seconds: float) -> tuple[list[str], float, float]:
    """Submits for so long, 20 at a time; the ids, and the usual and the longest time that one took."""
    until = time.monotonic() + seconds
    accepted: list[str] = []
    took: list[float] = []

    async def one_after_the_other() -> None:
        while time.monotonic() < until:
            began = time.monotonic()
            status, answer = await onward.call("POST", "/executions", {"task": "noop", "input": {}})
            took.append(time.monotonic() - began)
            assert status == 202, answer
            accepted.append(answer["id"])

    await asyncio.gather(*(one_after_the_other() for _ in range(20)))
    return accepted, statistics.median(took), max(took)


async def _as_many_listed(onward: Platform, many: int) -> bool:
    status, page = await onward.call("GET", "/executions?status=completed&limit=200")
    return status == 200 and len(page["items"]) == many


async def few_left(onward: Platform, most: float) -> int:
    """How many events EVENTS still has, once they are fewer than this."""
    left = 0

    async def few() -> bool:
        nonlocal left
        first, last = await events_kept(onward)
        left = last - first + 1
        return left < most

    await onward.eventually(few, 40, "what is older than the horizon stays")
    return left


async def events_kept(onward: Platform) -> tuple[int, int]:
    """The first and the last sequence that EVENTS has."""
    bus = await open_bus(onward.servers.urls, "journey-look", lambda: None)
    state = await streams.state(bus.connection)
    await bus.close()
    return state.first_sequence, state.last_sequence
