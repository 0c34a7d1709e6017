"""An installation below a folder that Postgres' user can reach, with tiny programs in the services' place."""

import os
import shutil
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onward.cli.embedded import lock
from onward.cli.embedded.credentials import load_or_create
from onward.cli.embedded.data_dir import open_data_dir
from onward.cli.embedded.nats import Nats, nats_child
from onward.cli.embedded.ports import Ports
from onward.cli.embedded.postgres import Postgres, postgres_child
from onward.process.supervise import Supervisor

# Answers /readyz on its port, writes down what it was given, and does on SIGTERM what a service does.
SERVICE = """
import json, os, time
from pathlib import Path
from onward.contract.errors import OnwardError
from onward.process.health import Health
from onward.process.health_server import serve_health
from onward.process.metrics import Metrics
from onward.process.run import run

async def main(stop):
    seen = {name: value for name, value in os.environ.items() if name.startswith("ONWARD_")}
    folder = Path(os.environ["SEEN_FOLDER"])
    (folder / f"{MODULE}.{os.getpid()}").write_text(json.dumps(seen))
    hangs = (folder / f"hang.{MODULE}").exists()
    if (folder / f"break.{MODULE}").exists():
        raise OnwardError("it hurts")
    async with serve_health(os.environ["ONWARD_HOST"], int(os.environ["ONWARD_PORT"]), Health(), Metrics()):
        await stop.wait()
        if hangs:
            time.sleep(600)

run(main)
"""
MODULES = ("onward_gateway", "onward_execution_state", "onward_log_relay", "onward_worker")


@pytest.fixture
def folder():
    """A new folder that every user may pass through, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="onward-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def fakes(folder, monkeypatch):
    """Programs named as the services, found before the real ones; yields the folder where they write what they saw."""
    seen = folder / "seen"
    seen.mkdir()
    seen.chmod(0o777)
    for module in MODULES:
        (folder / "fakes" / module).mkdir(parents=True)
        (folder / "fakes" / module / "__init__.py").touch()
        (folder / "fakes" / module / "__main__.py").write_text(f"MODULE = {module!r}\n{SERVICE}")
    path = [str(folder / "fakes"), str(Path(__file__).parents[3] / "libs"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
    monkeypatch.setenv("SEEN_FOLDER", str(seen))
    monkeypatch.setenv("ONWARD_PROFILE", str(folder / "profile.json"))
    return seen


class Installation:
    """The two servers on one data directory, started one by one."""

    def __init__(self, path: Path) -> None:
        self.directory = open_data_dir(path)
        self.credentials, self.new = load_or_create(self.directory, now=datetime.now(UTC))
        self.reports: list[object] = []
        self.supervisor = Supervisor(self.reports.append)
        self._ports = Ports(self.directory)
        self._locks: list[int] = []

    def _lock(self, name: str) -> int:
        self._locks.append(lock.take(self.directory.server_lock(name)))
        return self._locks[-1]

    async def start_nats(self) -> Nats:
        nats = Nats(
            self.directory, self._ports.again("nats"), self._ports.again("nats_http"), self.credentials.nats
        )
        await self.supervisor.start(await nats_child(nats, self._lock("nats")))
        return nats

    async def start_postgres(self) -> Postgres:
        postgres = Postgres(self.directory, self._ports.again("postgres"), self.credentials.postgres)
        await self.supervisor.start(
            await postgres_child(postgres, self._lock("postgres"), new_password=self.new)
        )
        return postgres

    async def stop(self) -> None:
        await self.supervisor.stop()
        for held in self._locks:
            os.close(held)
        self._locks.clear()
        self._ports.__exit__(None, None, None)


@pytest.fixture
async def install():
    """Makes installations; stops them all at the end."""
    made: list[Installation] = []

    def make(path: Path) -> Installation:
        made.append(Installation(path))
        return made[-1]

    yield make
    for installation in made:
        await installation.stop()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
