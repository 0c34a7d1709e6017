"""What an idle Onward costs: `python -m bench.footprint [--executions 2000]`.

From an empty folder until the first result; memory (PSS: what is shared counts once) and CPU of all its processes while
nothing happens; bytes on disk for each no-op (the store of NATS, and the database without its write-ahead log).
"""

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.installation import Platform, started

IDLE_SECONDS = 20.0
_SETTLED = 5.0


def main() -> int:
    """Measures, and prints one line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executions", type=int, default=2000)
    count = parser.parse_args().executions
    begun = time.monotonic()
    with TemporaryDirectory(prefix="onward-bench-") as folder, started(Path(folder), workers=1) as platform:
        up = time.monotonic() - begun
        platform.result(platform.client.submit("noop")["id"])
        first = time.monotonic() - begun
        time.sleep(_SETTLED)
        figures: dict[str, Any] = {
            "workload": "footprint",
            "up_s": round(up, 2),
            "cold_to_first_result_s": round(first, 2),
        }
        figures |= idle(platform)
        before = stored(platform)
        platform.batch("noop", count)
        platform.until_completed(count + 1)
        figures["disk_bytes_per_execution"] = round((stored(platform) - before) / count)
    print(json.dumps({"workload": "footprint", **figures}))
    return 0


def idle(platform: Platform) -> dict[str, Any]:
    """Memory, and CPU as a share of one core."""
    pids = platform.processes()
    used = _cpu_seconds(pids)
    time.sleep(IDLE_SECONDS)
    busy = _cpu_seconds(pids) - used
    return {
        "processes": len(pids),
        "idle_pss_mib": round(sum(map(_pss, pids)) / 1024, 1),
        "idle_cpu_pct": round(100 * busy / IDLE_SECONDS, 1),
    }


def stored(platform: Platform) -> int:
    """Bytes on disk that NATS has, and of the tables with their indexes: what a checkpoint writes."""
    store = sum(path.stat().st_size for path in (platform.data / "nats").rglob("*") if path.is_file())
    return store + int(platform.sql("select pg_database_size(current_database())"))


def _pss(pid: int) -> int:
    """KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1])


def _cpu_seconds(pids: list[int]) -> float:
    ticks = os.sysconf("SC_CLK_TCK")
    stats = (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids)
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / ticks


if __name__ == "__main__":
    raise SystemExit(main())
