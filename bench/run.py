"""Measures a whole Onward on this machine: `python -m bench.run [--seconds 10]`.

Everything runs here: servers with fsync on, all services, one worker, and this one client process. Prints a JSON line
a workload:

w1     no-op executions a second: single POSTs, 64 in flight, until the store (Postgres) says that all are complete
w2     submit to result, one at a time: milliseconds, p50, p90, p99; `started` is the worker's clock
w3     steps a second: executions of 10 no-op steps, 50 in flight; and milliseconds a step of one execution of 100
w4-w6  what waits, see bench/waiting.py
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import uvloop

from bench.waiting import w4, w5, w6

IN_FLIGHT = 64
SLOTS = 200


class Client:
    """One HTTP client process."""

    def __init__(self, session: aiohttp.ClientSession, url: str, store: asyncpg.Connection) -> None:
        self.session, self.url, self.store = session, f"{url}/api/v1/executions", store

    async def submit(self, task: str, given: dict[str, Any], **fields: Any) -> str:
        """POST one execution; its id."""
        async with self.session.post(self.url, json={"task": task, "input": given, **fields}) as answer:
            body = await answer.json()
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {body}")
            return str(body["id"])

    async def result(self, execution_id: str) -> dict[str, Any]:
        """Wait for the end."""
        async with self.session.get(f"{self.url}/{execution_id}", params={"wait": "30"}) as answer:
            body: dict[str, Any] = await answer.json()
            if body.get("status") != "completed":
                raise RuntimeError(str(body))
            return body

    async def completed(self) -> int:
        """How many the store says are complete."""
        return int(await self.store.fetchval("select count(*) from executions where status = 'completed'"))

    async def until_completed(self, wanted: int) -> None:
        """Wait until the store has so many, looking each 50 ms, for two minutes at most."""
        deadline = time.monotonic() + 120
        while await self.completed() < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{await self.completed()} of {wanted} complete after two minutes")
            await asyncio.sleep(0.05)


async def many(count: int, at_once: int, one: Callable[[], Awaitable[Any]]) -> None:
    """Call `one` `count` times, `at_once` in flight."""
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await one()

    await asyncio.gather(*(lane() for _ in range(at_once)))


async def w1(client: Client, count: int) -> dict[str, Any]:
    """Throughput."""
    before = await client.completed()
    start, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    await many(count, IN_FLIGHT, lambda: client.submit("noop", {}))
    submitted = time.perf_counter() - start
    await client.until_completed(before + count)
    took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    return {
        "executions": count,
        "executions_per_s": round(count / took),
        "submits_per_s": round(count / submitted),
        "client_cpu_ms": round(used / count * 1000, 3),
    }


async def w2(client: Client, count: int) -> dict[str, Any]:
    """Latency."""
    submits, starts, results = [], [], []
    for _ in range(count):
        wall, start = time.time(), time.perf_counter()
        execution_id = await client.submit("noop", {})
        submits.append(time.perf_counter() - start)
        ended = await client.result(execution_id)
        results.append(time.perf_counter() - start)
        starts.append(ended["output"] - wall)
    return {"executions": count, **{
        f"{name}_{p}_ms": round(statistics.quantiles(values, n=100)[q - 1] * 1000, 2)
        for name, values in (("submit", submits), ("started", starts), ("result", results))
        for p, q in (("p50", 50), ("p90", 90), ("p99", 99))
    }}  # fmt: skip


async def w3(client: Client, count: int) -> dict[str, Any]:
    """Steps."""
    before, start = await client.completed(), time.perf_counter()
    await many(count, 50, lambda: client.submit("steps", {"count": 10}))
    await client.until_completed(before + count)
    took = time.perf_counter() - start
    alone = {}
    for steps in (0, 100):
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            await client.result(await client.submit("steps", {"count": steps}))
            times.append(time.perf_counter() - begun)
        alone[steps] = statistics.median(times)
    return {
        "executions": count,
        "steps_per_s": round(count * 10 / took),
        "alone_ms_per_step": round((alone[100] - alone[0]) * 10, 3),
        "alone_step_p50_ms": round(await step_p50(client) * 1000, 3),
    }


async def step_p50(client: Client) -> float:
    """Seconds from one saved step to the next, by the worker's clock: the median of an execution of 100."""
    execution_id = await client.submit("steps", {"count": 100})
    await client.result(execution_id)
    async with client.session.get(f"{client.url}/{execution_id}/events") as answer:
        events = (await answer.json())["items"]
    saved = [datetime.fromisoformat(e["at"]) for e in events if e["type"] == "checkpoint_reached"]
    return statistics.median((after - before).total_seconds() for before, after in pairwise(saved))


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """CPU used so far by each process of the system, its children included."""
    used = {}
    ticks = os.sysconf("SC_CLK_TCK")
    for name, pid in pids.items():
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(stat.parent.name) == pid or int(fields[1]) == pid:
                total += int(fields[11]) + int(fields[12])
        used[name] = total / ticks
    return used


async def measure(up: dict[str, Any], count: int, wanted: list[str], runs: int) -> None:
    """Run the workloads, after a warm-up."""
    headers = {"Authorization": f"Bearer {up['api_key']}"}
    connector = aiohttp.TCPConnector(limit=200)
    store = await asyncpg.connect(up["database_url"])
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        client = Client(session, up["url"], store)
        await many(500, IN_FLIGHT, lambda: client.submit("noop", {}))
        await client.until_completed(500)
        for run in range(1, runs + 1):
            for name, work, size in (
                ("w1", w1, count), ("w2", w2, 200), ("w3", w3, max(20, count // 25)), ("w4", w4, 4 * count),
                ("w5", w5, count), ("w6", w6, SLOTS),
            ):  # fmt: skip
                if name in wanted:
                    before = cpu_seconds(up["pids"])
                    figures = await work(client, size)
                    after = cpu_seconds(up["pids"])
                    cpu = {p: round((after[p] - before[p]) * 1000 / size, 3) for p in after}
                    print(
                        json.dumps({"workload": name, "run": run, **figures, "cpu_ms_each": cpu}), flush=True
                    )
    await store.close()


def main() -> None:
    """Start everything, measure, stop everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=5000)
    parser.add_argument("--workloads", default="w1,w2,w3")
    parser.add_argument("--runs", type=int, default=1)
    asked = parser.parse_args()
    onward = [sys.executable, "-m", "onward.cli"]
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as folder:
        data = ["--data-dir", f"{folder}/data"]
        command = [
            *onward,
            "up",
            *data,
            "--slots",
            str(SLOTS),
            "--tasks",
            "bench.tasks",
            "--detach",
            "-o",
            "json",
        ]
        started = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        try:
            up = json.loads(started.stdout.splitlines()[-1])
            uvloop.run(measure(up, asked.executions, asked.workloads.split(","), asked.runs))
        finally:
            subprocess.run([*onward, "down", *data], check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
