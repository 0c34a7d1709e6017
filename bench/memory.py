"""What executions that sleep and executions that run take in memory: `python -m bench.memory`.

An Onward of its own as `onward up` ships it, but with as many slots as are to run at once. Prints a table: PSS of each
process in MiB with nothing to do, with so many asleep, with so many running beside them, and KiB for each execution.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.growth import settle
from bench.installation import Platform, started
from bench.printed import asks_where, put, table
from bench.processes import family, pss_mib

_PATIENCE = 300.0
_SETTLED = 5.0


def main() -> int:
    """Measures once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sleeping", type=int, default=10_000)
    parser.add_argument("--running", type=int, default=1_000)
    asks_where(parser)
    asked = parser.parse_args()
    with (
        TemporaryDirectory(prefix="onward-bench-") as folder,
        started(Path(folder), workers=1, slots=max(asked.running, 20)) as platform,
    ):
        platform.result(platform.client.submit("noop")["id"])
        before = measured(platform)
        platform.batch("sleeps", asked.sleeping, {"seconds": 36_000.0})
        _until(platform, "reason = 'sleeping'", asked.sleeping)
        asleep = measured(platform)
        platform.batch("nap", asked.running, {"seconds": 36_000.0})
        _until(platform, "reason = 'executing'", asked.running)
        running = measured(platform)
        heads = [
            "process", "idle, MiB", f"{asked.sleeping:,} asleep", f"and {asked.running:,} running",
            "KiB for each asleep", "KiB for each running",
        ]  # fmt: skip
        counts = asked.sleeping, asked.running
        told = table(heads, (_row(name, (before, asleep, running), counts) for name in [*before, "all"]))
        put(asked.into, "memory", told)
    return 0


def measured(platform: Platform) -> dict[str, float]:
    """MiB of each process with its children, once nothing happens any more."""
    settle(platform)
    time.sleep(_SETTLED)
    pids = platform.up["pids"]
    return {name: pss_mib(family([pid]) if name != "up" else [pid]) for name, pid in sorted(pids.items())}


def _row(name: str, stages: tuple[dict[str, float], ...], counts: tuple[int, int]) -> list[Any]:
    idle, slept, ran = (sum(each.values()) if name == "all" else each[name] for each in stages)
    return [
        name, f"{idle:.1f}", f"{slept:.1f}", f"{ran:.1f}",
        f"{(slept - idle) * 1024 / counts[0]:.1f}", f"{(ran - slept) * 1024 / counts[1]:.1f}",
    ]  # fmt: skip


def _until(platform: Platform, condition: str, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while (have := platform.sql(f"select count(*) from executions where {condition}")) < count:  # noqa: S608
        if time.monotonic() > deadline:
            raise RuntimeError(f"{have} of {count}: {condition}")
        time.sleep(0.5)


if __name__ == "__main__":
    raise SystemExit(main())
