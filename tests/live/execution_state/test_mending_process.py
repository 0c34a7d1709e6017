"""`onward admin verify`, `mend` and `rebuild`, called as a user does, on a damaged installation."""

import asyncio
import os
import shutil
import subprocess
import sys

from onward.bus.bus import open_bus
from tests.live.execution_state.making import append, until
from tests.live.execution_state.processes import Service, walk
from tests.support.postgres import one_postgres


def onward(service, *words):
    """What `onward` says, on stdout, and its exit code."""
    found = subprocess.run(
        [sys.executable, "-m", "onward.cli", *words],
        env={**os.environ, **service.env}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return found.returncode, found.stdout + found.stderr


async def stored(service, *made):
    """Appends them, and waits until Postgres has them."""
    service.start()
    await service.ready()
    bus = await open_bus(service.env["ONWARD_NATS_URL"], "test", lambda: None)
    last = max([await append(bus, one) for one in made])
    await bus.close()

    def projected():
        return f"onward_projection_position {last}" in service.get("/metrics")[1]

    await until(lambda: asyncio.to_thread(projected))
    assert service.stop() == 0


async def test_a_damaged_installation_is_verified_mended_and_rebuilt_by_commands(nats_server, tmp_path):
    folder, copy = nats_server.folder / nats_server.name, tmp_path / "copy"
    with one_postgres() as postgres:
        service = Service(nats_server, postgres.new_database(), tmp_path)
        await stored(service, walk(1).submit().claim())
        nats_server.stop()
        shutil.copytree(folder, copy)
        nats_server.start()
        later = [walk(2).submit().claim().complete(), walk(3).submit()]
        await stored(service, *later)
        nats_server.stop()
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
        nats_server.start()

        damaged = await asyncio.to_thread(onward, service, "admin", "verify")
        mended = await asyncio.to_thread(onward, service, "admin", "mend")
        await stored(service, walk(4).submit())
        whole = await asyncio.to_thread(onward, service, "admin", "verify")
        rebuilt = await asyncio.to_thread(onward, service, "admin", "rebuild")
        again = await asyncio.to_thread(onward, service, "admin", "mend")

    first, second = (one.state.id for one in later)
    assert damaged[0] == 1
    assert f"{first}: events 1 to 3 are lost (3) in the log" in damaged[1]
    assert f"{second}: event 1 is lost in the log" in damaged[1]
    assert "fix: onward admin mend" in damaged[1]
    assert (mended[0], "2 executions are mended" in mended[1]) == (0, True), mended
    assert (whole[0], "the tables are what the log makes of them" in whole[1]) == (0, True), whole
    assert (rebuilt[0], "the tables are rebuilt" in rebuilt[1]) == (0, True), rebuilt
    assert (again[0], "the log has lost nothing" in again[1]) == (0, True), again
