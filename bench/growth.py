"""Whether the cost of an execution stays flat: `python -m bench.growth workers` and `python -m bench.growth stored`.

workers   no-ops a second and CPU for each, with 1, 2 and 4 workers
stored    the same, and the latency of one at a time, with 10,000, 100,000 and 1,000,000 executions stored. Those up to
          --run were really run, and are in the log and in Postgres; the others are rows in Postgres that were written
          straight into its tables, and no log holds them: the table says how many are where

Everything as `onward up` ships it, fsync on. Prints a table.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import nats
import uvloop

from bench import load
from bench.installation import Platform, started
from bench.machine import Meter, wait_for_calm
from bench.population import Story, fill
from bench.printed import asks_where, put, table
from onward.contract import subjects

WORKERS = (1, 2, 4)
STORED = (10_000, 100_000, 1_000_000)
_THROUGHPUT = ["no-ops/s", "submits/s", "CPU ms each: servers", "workers", "client", "all", "others' CPU %"]
_SINGLE = load.by_client(load.single)
_ALONE = load.by_client(load.alone)


def main() -> int:
    """Measures one of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["workers", "stored"])
    parser.add_argument("--n", type=int, default=10_000, help="no-ops of each row")
    parser.add_argument(
        "--sizes", default=",".join(map(str, STORED)), help="executions stored, joined by commas"
    )
    parser.add_argument("--run", type=int, default=100_000, help="so many of them are really run")
    asks_where(parser)
    asked = parser.parse_args()
    if asked.what == "workers":
        told = table(["workers", *_THROUGHPUT], (by_workers(count, asked.n) for count in WORKERS))
        put(asked.into, "workers", told)
        return 0
    heads = [
        "in Postgres",
        "of these run here",
        "events in the log",
        "submit p50 ms",
        "p99",
        "result p50 ms",
        "p99",
    ]
    with TemporaryDirectory(prefix="onward-bench-") as folder, started(Path(folder), workers=1) as platform:
        sizes = [int(size) for size in asked.sizes.split(",")]
        told = table(
            [*heads, *_THROUGHPUT], (by_stored(platform, size, asked.run, asked.n) for size in sizes)
        )
        put(asked.into, "stored", told)
    return 0


def by_workers(count: int, executions: int) -> list[Any]:
    """A row, of an installation of its own."""
    with (
        TemporaryDirectory(prefix="onward-bench-") as folder,
        started(Path(folder), workers=count) as platform,
    ):
        wait_for_calm(platform)
        return [count, *throughput(_SINGLE(platform, executions))]


def by_stored(platform: Platform, size: int, run: int, executions: int) -> list[Any]:
    """A row, once so many are stored."""
    have = platform.sql("select count(*) from executions")
    really = min(run, size) - platform.sql("select count(*) from executions where task = 'noop'")
    if really > 0:
        platform.batch("noop", really)
        platform.until_completed(have + really, patience=max(120.0, really / 100))
        have += really
    if size > have:
        uvloop.run(_write(platform.up["database_url"], size - have))
    settle(platform)
    wait_for_calm(platform)
    stored = platform.sql("select count(*) from executions")
    ours = platform.sql("select count(*) from executions where task = 'noop'")
    held = uvloop.run(in_the_log(platform.up["nats_url"]))
    alone = _ALONE(platform, 200)
    many = _SINGLE(platform, executions)
    return [
        f"{stored:,}", f"{ours:,}", f"{held:,}", alone["submit_call"]["p50_ms"], alone["submit_call"]["p99_ms"],
        alone["result"]["p50_ms"], alone["result"]["p99_ms"], *throughput(many),
    ]  # fmt: skip


def throughput(figures: dict[str, Any]) -> list[Any]:
    """The cells of a burst."""
    each = figures["cpu_ms_per_exec"]
    return [
        round(figures["exec_per_s"]), round(figures["submit_per_s"]), each["servers"], each["worker"], each["client"],
        round(sum(each.values()), 3), figures["others_cpu_pct"],
    ]  # fmt: skip


def settle(platform: Platform, patience: float = 600.0) -> None:
    """Waits until the installation has nothing left to do: three seconds in which it takes little CPU."""
    quiet, deadline = 0, time.monotonic() + patience
    while quiet < 3 and time.monotonic() < deadline:
        meter = Meter(platform)
        time.sleep(1.0)
        used = meter.read()
        quiet = quiet + 1 if used.servers + used.workers < 0.15 * used.wall else 0


async def in_the_log(url: str) -> int:
    """How many events the log holds."""
    connection = await nats.connect(url)
    try:
        answer = await connection.request(f"$JS.API.STREAM.INFO.{subjects.EVENTS}", b"", timeout=10)
        return int(json.loads(answer.data)["state"]["messages"])
    finally:
        await connection.close()


async def _write(url: str, count: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, count, story=Story(end=datetime.now(UTC), days=1, open_ones=0))
        await connection.execute("vacuum analyze", timeout=600)
    finally:
        await connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
