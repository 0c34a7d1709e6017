"""Hours of ordinary work leave nothing behind: no memory, no open file, no connection that grows from minute to minute.

ONWARD_SOAK_SECONDS says how long; the tier runs five minutes.
"""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.platform import Platform, platform

SECONDS = float(os.environ.get("ONWARD_SOAK_SECONDS", "300"))
WARM = max(120.0, SECONDS / 6)
"""Seconds until caches and pools have their size."""
A_SECOND = 20
MOST_MIB_A_MINUTE = 1.0
KINDS = (
    ("noop", {}),
    ("five", {"count": 5, "seconds": 0.01}),
    ("chatty", {"lines": 50}),
    ("sleeper", {"seconds": 3.0}),
    ("unsteady", {"fails": 1}),
)


@pytest.mark.slow
@pytest.mark.timeout(int(SECONDS) + 300)
async def test_an_hour_of_work_leaves_no_memory_no_file_and_no_connection_behind(tmp_path: Path) -> None:
    async with platform(tmp_path, workers=2, slots=20) as onward:
        seen: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
        began, made = time.monotonic(), list[str]()
        while (passed := time.monotonic() - began) < SECONDS:
            if len(made) % (10 * A_SECOND) == 0:
                for name, (mib, files) in looked_at(onward).items():
                    seen[name].append((passed, mib, files))
            task, given = KINDS[len(made) % len(KINDS)]
            made.append(await onward.submit(task, given))
            await asyncio.sleep(max(0.0, began + len(made) / A_SECOND - time.monotonic()))
        ends = [(await onward.ended(one, within=120))["status"] for one in made]
        slopes, left = {}, {}
        for name, looks in seen.items():
            warm = [look for look in looks if look[0] >= WARM]
            at, mib, files = zip(*warm, strict=True)
            slopes[name] = statistics.linear_regression([t / 60 for t in at], mib).slope
            left[name] = files[-1] - max(files[: max(1, len(files) // 4)])
            print(
                f"{name}: {mib[0]:.0f} → {mib[-1]:.0f} MiB, {slopes[name]:+.2f} MiB/min, files {files[0]} → {files[-1]}"
            )
        print(
            f"{len(made)} executions in {time.monotonic() - began:.0f} s, of which {WARM:.0f} s are not looked at"
        )
        assert ends == ["completed"] * len(made)
        assert {name: slope for name, slope in slopes.items() if slope > MOST_MIB_A_MINUTE} == {}
        assert {name: more for name, more in left.items() if more > 3} == {}


def looked_at(onward: Platform) -> dict[str, tuple[float, int]]:
    """MiB that are a process' own, and its open files and sockets, by name; of Postgres those of all, and how many."""
    server, postgres = onward.servers[0].process, onward.postgres.process
    assert server is not None
    assert postgres is not None
    pids = {name: process.pid for name, process in onward.processes.items()} | {"nats": server.pid}
    found = {name: (own_mib(pid), len([*Path(f"/proc/{pid}/fd").iterdir()])) for name, pid in pids.items()}
    backends = Path(f"/proc/{postgres.pid}/task/{postgres.pid}/children").read_text().split()
    return found | {"postgres": (sum(own_mib(int(pid)) for pid in backends), len(backends))}


def own_mib(pid: int) -> float:
    """0 for one that has just ended."""
    try:
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(row.split()[1]) for row in rows if row.startswith("RssAnon:")), 0) / 1024
