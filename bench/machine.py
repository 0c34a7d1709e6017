"""The machine that a run is measured on: how fast it is just now, and what others take of it meanwhile."""

import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from bench.installation import Platform
from bench.processes import cpu_seconds

CALM = 60
"""Percent of one core: a run in which others took more is measured once again."""
_STATES = {"user": 0, "system": 2, "irq": 5, "softirq": 6, "steal": 7, "nice": 1}
_TICKS = os.sysconf("SC_CLK_TCK")


def speed() -> dict[str, Any]:
    """Load, and what one flush and a fixed loop take now."""
    return {
        "load1": round(os.getloadavg()[0], 2),
        "fdatasync_p50_ms": round(_flush() * 1000, 3),
        "cpu_probe_ms": round(_loop() * 1000, 1),
    }


def wait_for_calm(platform: Platform, tries: int = 6) -> None:
    """Waits for a second in which others take less than most of a core; some seconds at most."""
    for _ in range(tries):
        meter = Meter(platform)
        time.sleep(1.0)
        if meter.read().others_pct < 1.5 * CALM:
            return


class Reading:
    """What has been used since a meter began, in seconds of CPU."""

    def __init__(self, wall: float, servers: float, workers: float, client: float, busy: float) -> None:
        self.wall, self.servers, self.workers, self.client = wall, servers, workers, client
        self.others_pct = round((busy - servers - workers - client) / wall * 100)

    def each(self, count: int) -> dict[str, float]:
        """Milliseconds for each of so many."""
        used = {"servers": self.servers, "worker": self.workers, "client": self.client}
        return {who: round(seconds * 1000 / count, 3) for who, seconds in used.items()}


class Meter:
    """Counts CPU from now on: of an installation, of this process, and of everybody."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._begun = self._now()

    def read(self) -> Reading:
        """What was used since it began."""
        return Reading(*(now - before for now, before in zip(self._now(), self._begun, strict=True)))

    def _now(self) -> tuple[float, float, float, float, float]:
        servers, workers = self._platform.servers_and_workers()
        return (
            time.perf_counter(),
            cpu_seconds(servers),
            cpu_seconds(workers),
            time.process_time(),
            _busy(),
        )


def _busy() -> float:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[number]) for number in _STATES.values()) / _TICKS


def _flush(times: int = 100) -> float:
    took = []
    with TemporaryFile() as file:
        for _ in range(times):
            file.write(bytes(4096))
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return statistics.median(took)


def _loop(times: int = 2_000_000) -> float:
    begun, total = time.perf_counter(), 0
    for number in range(times):
        total += number * number
    return time.perf_counter() - begun
