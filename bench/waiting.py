"""Workloads of what waits: a flood of urgent ones, many retries, and how busy the workers say that they were.

retries  20,000 executions wait for their next attempt, and 100 more are submitted: milliseconds until they start
flood    many high ones, then a few low ones: the share of the high ones while both wait, and how long low ones wait
busy     a known load: what `GET /analytics/utilisation` makes of it, over what it was
"""

import asyncio
import statistics
import time
from datetime import datetime
from typing import Any

import asyncpg

from bench.client import Client, many

SLOTS, SLOTS_USED, SECONDS = 200, 50, 20.0
_AT_ONCE = 64
_TOLD_WITHIN = 8.0
"""Seconds until what workers counted is in Postgres."""


async def retries(client: Client, count: int) -> dict[str, Any]:
    """Retries that wait, and ready ones."""
    await many(count, _AT_ONCE, lambda: client.submit("fails"))
    while await client.store.fetchval("select count(*) from executions where reason = 'retrying'") < count:
        await asyncio.sleep(0.2)

    async def ready() -> float:
        wall = time.time()
        ended = await client.call("noop")
        return float(ended["output"]) - wall

    waits = await many(100, 10, ready)
    cuts = statistics.quantiles(waits, n=100)
    return {"retries_waiting": count, "ready": 100, **{
        f"ready_start_{p}_ms": round(cuts[q - 1] * 1000, 1) for p, q in (("p50", 50), ("p99", 99))
    }, "ready_start_max_ms": round(max(waits) * 1000, 1)}  # fmt: skip


async def flood(client: Client, count: int) -> dict[str, Any]:
    """A flood."""
    low = max(10, count // 40)
    high_ids = await many(count, _AT_ONCE, lambda: client.submit("nap", {"seconds": 0.5}, priority=9))
    low_ids = await many(low, _AT_ONCE, lambda: client.submit("nap", {"seconds": 0.5}, priority=1))
    ends = {each: client.result(each) for each in (*high_ids, *low_ids)}
    began = dict(zip(ends, await asyncio.gather(*ends.values()), strict=True))
    starts = {each: _seconds(one["started_at"]) for each, one in began.items()}
    waits = [starts[each] - _seconds(began[each]["created_at"]) for each in low_ids]
    since, until = (
        max(_seconds(began[each]["created_at"]) for each in low_ids),
        max(starts[e] for e in low_ids),
    )
    while_both = [sum(since <= starts[e] <= until for e in group) for group in (high_ids, low_ids)]
    last_high = max(starts[each] for each in high_ids) - since
    return {
        "high": count, "low": low, "share_of_high": round(while_both[0] / max(1, sum(while_both)), 3),
        "low_wait_p50_ms": round(statistics.median(waits) * 1000), "low_wait_max_ms": round(max(waits) * 1000),
        "flood_lasts_ms": round(last_high * 1000),
    }  # fmt: skip


async def busy(client: Client, _count: int) -> dict[str, Any]:
    """A known load."""
    await asyncio.sleep(_TOLD_WITHIN)
    before = await _counted(client.store)
    ids = await many(SLOTS_USED, SLOTS_USED, lambda: client.submit("nap", {"seconds": SECONDS}))
    ended = [await client.result(one) for one in ids]
    known = sum(_seconds(one["completed_at"]) - _seconds(one["started_at"]) for one in ended)
    await asyncio.sleep(_TOLD_WITHIN)
    after = await _counted(client.store)
    elapsed = (after["at"] - before["at"]).total_seconds()
    told = (after["busy"] - before["busy"]) / (after["available"] - before["available"])
    truth = known / (SLOTS * elapsed)
    return {"told": round(told, 4), "known": round(truth, 4), "told_over_known": round(told / truth, 4)}


async def _counted(store: asyncpg.Connection) -> Any:
    return await store.fetchrow(
        "select max(c.at) as at, (sum(m.busy_ms) / 1000.0)::float8 as busy, "
        "(sum(m.available_ms) / 1000.0)::float8 as available "
        "from worker_counts c join worker_minutes m on m.worker_id = c.worker_id and m.queue = ''"
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
