"""What an idle Onward costs.

From an empty folder until the first result; memory (PSS: what is shared counts once) and CPU of all its processes while
nothing happens; bytes on disk for each no-op (the store of NATS, and the database without its write-ahead log).
"""

import time
from typing import Any

from bench.installation import Platform
from bench.processes import cpu_seconds, pss_mib, rss_mib

IDLE_SECONDS = 20.0
_SETTLED = 5.0


def footprint(platform: Platform, count: int) -> dict[str, Any]:
    """Of an installation that was just started."""
    platform.result(platform.client.submit("noop")["id"])
    first = time.monotonic() - platform.begun
    time.sleep(_SETTLED)
    figures = {
        "servers_up_s": round(platform.ready - platform.begun, 2),
        "cold_to_first_result_s": round(first, 2),
        **idle(platform),
    }
    before = stored(platform)
    platform.batch("noop", count)
    platform.until_completed(count + 1)
    each = round((stored(platform) - before) / count)
    after = memory(platform.processes())
    return {**figures, "n": count, "disk_bytes_per_exec": each, "mem_after": after}


def idle(platform: Platform) -> dict[str, Any]:
    """Memory, and CPU as a share of one core."""
    servers, workers = platform.servers_and_workers()
    used = cpu_seconds(servers | workers)
    time.sleep(IDLE_SECONDS)
    busy = cpu_seconds(servers | workers) - used
    return {
        "idle_servers": memory(servers),
        "idle_worker": memory(workers),
        "idle_cpu_pct": round(100 * busy / IDLE_SECONDS, 1),
    }


def memory(pids: set[int]) -> dict[str, Any]:
    """How many, and their MiB."""
    return {"procs": len(pids), "rss_mib": rss_mib(pids), "pss_mib": pss_mib(pids)}


def stored(platform: Platform) -> int:
    """Bytes on disk that NATS has, and of the tables with their indexes: what a checkpoint writes."""
    store = sum(path.stat().st_size for path in (platform.data / "nats").rglob("*") if path.is_file())
    return store + int(platform.sql("select pg_database_size(current_database())"))
