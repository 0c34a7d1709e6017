"""How late log lines reach those who follow them: `python -m bench.readers`.

An Onward of its own as `onward up` ships it. First one execution that prints 5,000 lines a second, and one reader; then
one that prints 500 a second, and fifty readers of it. Each reader follows over HTTP (NDJSON). Prints a table:
milliseconds from the print in the task until the reader has the line, lines lost, and lines that came twice or in
another order. All readers are one process, which shares this machine.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import uvloop

from bench.client import Client, connected
from bench.installation import Platform, started
from bench.load import cuts
from bench.machine import Meter, wait_for_calm
from bench.printed import asks_where, put, table

CASES = ((1, 5_000), (50, 500))


class Read(NamedTuple):
    """What one reader has had: the lines' numbers, and how late each was."""

    numbers: list[int]
    late: list[float]


def main() -> int:
    """Measures both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    asks_where(parser)
    asked = parser.parse_args()
    heads = [
        "readers", "lines/s asked", "printed/s", "delay p50 ms", "p99", "most", "lines lost", "twice or out of order",
        "CPU % servers", "worker", "readers", "others",
    ]  # fmt: skip
    with TemporaryDirectory(prefix="onward-bench-") as folder, started(Path(folder), workers=1) as platform:
        put(asked.into, "readers", table(heads, rows(platform, asked.seconds)))
    return 0


def rows(platform: Platform, seconds: float) -> Iterator[list[Any]]:
    """A row a case."""
    for readers, rate in CASES:
        wait_for_calm(platform)
        yield uvloop.run(row(platform, readers, rate, round(rate * seconds)))


async def row(platform: Platform, readers: int, rate: int, lines: int) -> list[Any]:
    """One execution, and its readers."""
    async with connected(platform) as client:
        meter = Meter(platform)
        execution = await client.submit("talks", {"lines": lines, "per_second": rate})
        read = await asyncio.gather(*(follow(client, execution) for _ in range(readers)))
        used = meter.read()
        ended = await client.result(execution)
    late = sorted(one for each in read for one in each.late)
    told = cuts(late, 50, 99, 100)
    lost = sum(len(set(range(1, lines + 1)) - set(each.numbers)) for each in read)
    again = sum(
        after <= before
        for each in read
        for before, after in zip(each.numbers, each.numbers[1:], strict=False)
    )
    took = ended["timing"]["run_ms"] / 1000 if "timing" in ended else used.wall
    return [
        readers, rate, round(lines / took), told["p50_ms"], told["p99_ms"], told["p100_ms"], lost, again,
        *(round(seconds / used.wall * 100) for seconds in (used.servers, used.workers, used.client)), used.others_pct,
    ]  # fmt: skip


async def follow(client: Client, execution: str) -> Read:
    """Reads until the log ends. Raises RuntimeError where it is cut off."""
    read = Read([], [])
    asked = client.session.get(
        f"{client.url}/{execution}/logs",
        params={"follow": "true"},
        headers={"Accept": "application/x-ndjson"},
    )
    async with asked as answer:
        async for raw in answer.content:
            record = json.loads(raw)
            if "line" in record:
                number, printed = record["text"].split()
                read.numbers.append(int(number))
                read.late.append(time.time() - float(printed))
            elif record.get("end"):
                return read
    raise RuntimeError(f"the log ended before its end, after {len(read.numbers)} lines")


if __name__ == "__main__":
    raise SystemExit(main())
