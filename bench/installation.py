"""An Onward of a benchmark's own, and one client of it that does one thing after another."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from bench.processes import family
from onward.client import Client

_PATIENCE = 120.0


class Platform:
    """What `onward up` has started in a folder."""

    def __init__(self, data: Path, up: dict[str, Any], begun: float) -> None:
        self.data, self.up, self.client = data, up, Client(up["url"], up["api_key"])
        self.begun, self.ready = begun, time.monotonic()

    def result(self, execution_id: str) -> dict[str, Any]:
        """The execution once it is completed. Raises RuntimeError."""
        found = self.client.wait(execution_id)
        if found["status"] != "completed":
            raise RuntimeError(str(found))
        return found

    def batch(self, task: str, count: int, given: dict[str, Any] | None = None) -> None:
        """Submits so many, by hundreds. Raises RuntimeError."""
        for first in range(0, count, 100):
            items = [{"task": task, "input": given or {}}] * min(100, count - first)
            body = json.dumps({"items": items}).encode()
            asked = urllib.request.Request(  # noqa: S310 - the URL is our own
                self.up["url"] + "/api/v1/executions/batch",
                body,
                {"Authorization": f"Bearer {self.up['api_key']}", "Content-Type": "application/json"},
            )
            with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:  # noqa: S310
                if answer.status >= 400:
                    raise RuntimeError(answer.read())

    def until_completed(self, count: int, *, patience: float = _PATIENCE) -> None:
        """Waits until Postgres has so many. Raises RuntimeError."""
        deadline = time.monotonic() + patience
        while (have := self.sql("select count(*) from executions where status = 'completed'")) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{have} of {count} are completed")
            time.sleep(0.1)

    def sql(self, statement: str) -> Any:
        """What Postgres says to one statement."""
        return asyncio.run(_asked(self.up["database_url"], statement))

    def processes(self) -> set[int]:
        """All of it: what was started, and what that has started."""
        return family(self.up["pids"].values())

    def servers_and_workers(self) -> tuple[set[int], set[int]]:
        """The same, apart."""
        pids = self.up["pids"]
        workers = family(pid for name, pid in pids.items() if name.startswith("worker"))
        return self.processes() - workers, workers


@contextmanager
def started(folder: Path, *, workers: int, slots: int | None = None) -> Iterator[Platform]:
    """An installation in this folder, stopped afterwards."""
    onward = [sys.executable, "-m", "onward.cli"]
    data = ["--data-dir", str(folder / "data")]
    asked = ["up", *data, "--workers", str(workers), "--tasks", "bench.tasks", "--detach", "-o", "json"]
    asked += ["--slots", str(slots)] if slots else []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    done = subprocess.run([*onward, *asked], check=True, stdout=subprocess.PIPE)
    try:
        yield Platform(folder / "data", json.loads(done.stdout.splitlines()[-1]), begun)
    finally:
        subprocess.run([*onward, "down", *data], check=False, stdout=subprocess.DEVNULL)


async def _asked(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
