"""A nats-server that met a full disk: what its probes say, and who starts it anew."""

import asyncio
from datetime import UTC, datetime

import nats
import nats.errors
import nats.js.errors
import pytest

from onward.cli.embedded.unstick import Unstick
from onward.process.probe import http_ok
from tests.support.deployment import container, workloads
from tests.support.small_disk import small_disk

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def stored(server):
    connection = await nats.connect(server.url("services"))
    try:
        await connection.jetstream().publish("onward.ev.one", b"x" * 65536, timeout=3)
    except (nats.errors.Error, nats.js.errors.Error):
        return False
    finally:
        await connection.close()
    return True


@pytest.mark.slow
async def test_a_server_that_met_a_full_disk_is_started_anew_when_there_is_room(install, folder):
    installation = install(folder / "data")
    with small_disk(installation.directory.nats) as disk:
        server = await installation.start_nats()
        unstick = Unstick(server, lambda: installation.supervisor.pids)
        connection = await nats.connect(server.url("services"))
        await connection.jetstream().add_stream(name="EVENTS", subjects=["onward.ev.>"])
        await connection.close()
        assert await stored(server)
        assert not await unstick.run_once(NOW)
        first = installation.supervisor.pids["nats"]

        disk.fill()
        async with asyncio.timeout(60):
            while await stored(server):
                pass
        full = await unstick.run_once(NOW)
        disk.free()
        assert not await stored(server)
        probes = {
            kind: await http_ok(f"http://127.0.0.1:{server.http_port}{path}")
            for kind, path in probed().items()
        }
        room = await unstick.run_once(NOW)

        assert (full, room) == (False, True)
        assert probes["livenessProbe"] is False
        async with asyncio.timeout(60):
            while installation.supervisor.pids.get("nats") in {None, first} or not await stored(server):
                await asyncio.sleep(0.05)


def probed():
    """Where Kubernetes asks, by kind of probe."""
    nats_container = container(workloads()["nats"])
    return {kind: nats_container[kind]["httpGet"]["path"] for kind in ("readinessProbe", "livenessProbe")}
