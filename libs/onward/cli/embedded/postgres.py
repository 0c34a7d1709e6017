"""The embedded Postgres server: a cluster made once, and how it is run."""

import shutil
import signal
from pathlib import Path
from urllib.parse import quote

import msgspec

from onward.cli.embedded.data_dir import DataDir
from onward.cli.embedded.ports import HOST
from onward.cli.embedded.postgres_place import Place, find_place, give_to
from onward.cli.embedded.private_file import sync_folder
from onward.cli.embedded.scram import scram_verifier
from onward.contract.errors import Misconfigured
from onward.process.child_spec import ChildSpec, StopStep
from onward.process.finish import finish

ROLE = DATABASE = "onward"
MAJOR = "18"
_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}
_INITDB = (
    *("--username=postgres", "--auth=reject", "--data-checksums", "--no-instructions", "--no-sync"),
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)
# One way in: this machine, with the password. The superuser has none, so only `postgres --single` can be it.
_HBA = "host onward onward 127.0.0.1/32 scram-sha-256\n"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "50",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "pglz",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_destination": "stderr",
    "logging_collector": "off",
}


class Postgres(msgspec.Struct, frozen=True):
    """Where the server will listen, and its role's password."""

    directory: DataDir
    port: int
    password: str

    @property
    def url(self) -> str:
        """Returns the address that execution_state connects to."""
        return f"postgresql://{ROLE}:{quote(self.password, safe='')}@{HOST}:{self.port}/{DATABASE}"


async def postgres_child(postgres: Postgres, lock: int, *, new_password: bool) -> ChildSpec:
    """Makes the cluster if there is none, and returns how to run it."""
    log = postgres.directory.log("postgres")
    place = await find_place(postgres.directory)
    if not (place.data / "PG_VERSION").exists():
        await _make_cluster(postgres, place, lock)
    elif new_password:
        _check_version(place.data)
        sql = f"ALTER ROLE {ROLE} PASSWORD '{scram_verifier(postgres.password)}';\n"
        await _as_superuser(postgres, place, place.data, lock, sql)
    else:
        _check_version(place.data)
    settings = {**_SETTINGS, "port": str(postgres.port)}

    async def ready(pid: int) -> bool:
        return _is_ready(place.data, pid)

    return ChildSpec(
        name="postgres",
        argv=(
            place.program("postgres"),
            "-D",
            str(place.data),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ),
        log=log,
        env=_ENVIRONMENT,
        ready=ready,
        ready_seconds=120.0,  # after a crash it first reads its write-ahead log
        stage=0,
        stop=(StopStep(signal.SIGINT, 20.0), StopStep(signal.SIGQUIT, 6.0)),
        # Nobody is left to wait for an orderly end, and the write-ahead log makes this one safe.
        death=signal.SIGQUIT,
        owner=place.owner,
        cwd=Path("/"),
        keep=(lock,),
    )


async def _make_cluster(postgres: Postgres, place: Place, lock: int) -> None:
    """Makes it beside its place and moves it there whole, so that a crash leaves all of it or nothing."""
    fresh = place.data.with_name("postgres-new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    give_to(place.owner, fresh)
    log = postgres.directory.log("postgres")
    initdb = (place.program("initdb"), "-D", str(fresh))
    keep = (lock,)
    await finish("initdb", (*initdb, *_INITDB), log=log, env=_ENVIRONMENT, owner=place.owner, keep=keep)
    (fresh / "pg_hba.conf").write_text(_HBA)
    sql = (
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{scram_verifier(postgres.password)}';\n"
        f"CREATE DATABASE {DATABASE} OWNER {ROLE};\n"
    )
    await _as_superuser(postgres, place, fresh, lock, sql, "-F")
    # Everything so far skipped fsync: once at the end is five times faster.
    await finish("initdb", (*initdb, "--sync-only"), log=log, env=_ENVIRONMENT, owner=place.owner, keep=keep)
    fresh.rename(place.data)
    sync_folder(place.data.parent)


async def _as_superuser(
    postgres: Postgres, place: Place, data: Path, lock: int, sql: str, *options: str
) -> None:
    """Runs statements without any server listening; the first that fails ends it."""
    await finish(
        "postgres --single",
        (
            place.program("postgres"),
            "--single",
            "-D",
            str(data),
            "-c",
            "exit_on_error=on",
            *options,
            "postgres",
        ),
        log=postgres.directory.log("postgres"),
        env=_ENVIRONMENT,
        stdin=sql.encode(),
        owner=place.owner,
        keep=(lock,),
    )


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != MAJOR:
        raise Misconfigured(
            f"the data in {data} is of Postgres {found}, and this is {MAJOR}",
            fix="`onward reset` and `onward admin rebuild` fill a new one from the log",
        )


def _is_ready(data: Path, pid: int) -> bool:
    """Reads the state that the server itself writes down for `pg_ctl --wait`."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"
