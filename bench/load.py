"""Workloads of one client: throughput, latency, steps."""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from bench.client import Client, connected, earliest_id, many
from bench.installation import Platform
from bench.machine import Meter

Figures = dict[str, Any]
IN_FLIGHT, CALLERS, STEPS_AT_ONCE, BATCH = 64, 100, 50, 100
STEPS, DEEP, ALONE = 10, 100, 5


def by_client(work: Callable[[Client, int], Awaitable[Figures]]) -> Callable[[Platform, int], Figures]:
    """The same, for who has an installation and no client."""

    async def run(platform: Platform, count: int) -> Figures:
        async with connected(platform) as client:
            await client.call("noop")
            meter = Meter(platform)
            figures = await work(client, count)
            return {**figures, "others_cpu_pct": meter.read().others_pct}

    return lambda platform, count: uvloop.run(run(platform, count))


async def single(client: Client, count: int) -> Figures:
    """Open loop: one POST for each, then wait for the store."""
    await many(min(500, count // 5 + 1), CALLERS, lambda: client.call("noop"))
    return await _burst(client, count, lambda: many(count, IN_FLIGHT, lambda: client.submit("noop")))


async def batches(client: Client, count: int) -> Figures:
    """The same, by batches of a hundred, four in flight."""
    count -= count % BATCH
    await many(min(500, count // 5 + 1), CALLERS, lambda: client.call("noop"))
    return await _burst(
        client, count, lambda: many(count // BATCH, 4, lambda: client.submit_batch("noop", BATCH))
    )


async def _burst(client: Client, count: int, submit: Callable[[], Awaitable[Any]]) -> Figures:
    since, meter = earliest_id(), Meter(client.platform)
    await submit()
    submitted = meter.read().wall
    await client.until_completed(count, since=since)
    used = meter.read()
    return {
        "n": count, "wall_s": round(used.wall, 2), "exec_per_s": round(count / used.wall, 1),
        "submit_per_s": round(count / submitted, 1), "cpu_ms_per_exec": used.each(count),
    }  # fmt: skip


async def callers(client: Client, count: int) -> Figures:
    """Closed loop: each caller submits, waits for the result, and submits again."""
    await many(min(500, count // 5 + 1), CALLERS, lambda: client.call("noop"))
    meter = Meter(client.platform)
    await many(count, CALLERS, lambda: client.call("noop"))
    used = meter.read()
    return {
        "n": count, "wall_s": round(used.wall, 2), "exec_per_s": round(count / used.wall, 1),
        "callers": CALLERS, "cpu_ms_per_exec": used.each(count),
    }  # fmt: skip


async def alone(client: Client, count: int) -> Figures:
    """One after the other; `started` is the worker's clock at the first line."""
    submits, starts, results = [], [], []
    for _ in range(count):
        begun = time.time()
        execution = await client.submit("noop")
        submits.append(time.time() - begun)
        ended = await client.result(execution)
        results.append(time.time() - begun)
        starts.append(ended["output"] - begun)
    return {
        "n": count, "result": cuts(results, 50, 90, 99), "started": cuts(starts, 50, 99),
        "submit_call": cuts(submits, 50, 99),
    }  # fmt: skip


async def steps(client: Client, count: int) -> Figures:
    """Closed loop of executions of ten steps; then single ones of many steps, less single ones of none."""
    await many(min(20, count), 20, lambda: client.call("steps", {"count": STEPS}))
    meter = Meter(client.platform)
    await many(count, STEPS_AT_ONCE, lambda: client.call("steps", {"count": STEPS}))
    used = meter.read()
    total = count * STEPS
    took: dict[int, list[float]] = {0: [], DEEP: []}
    for _ in range(ALONE):
        for number, times in took.items():
            begun = time.perf_counter()
            await client.call("steps", {"count": number})
            times.append(time.perf_counter() - begun)
    one = (statistics.median(took[DEEP]) - statistics.median(took[0])) / DEEP
    return {
        "n": count, "steps": STEPS, "wall_s": round(used.wall, 2), "steps_per_s": round(total / used.wall, 1),
        "exec_per_s": round(count / used.wall, 1),
        "cpu_ms_per_step": round((used.servers + used.workers) * 1000 / total, 3),
        "deep_steps": DEEP, "ms_per_step_single": round(one * 1000, 3),
    }  # fmt: skip


def cuts(values: list[float], *percents: int) -> dict[str, float]:
    """Milliseconds at these percents."""
    ordered = sorted(values)
    return {
        f"p{percent}_ms": round(ordered[round(percent / 100 * (len(ordered) - 1))] * 1000, 2)
        for percent in percents
    }
