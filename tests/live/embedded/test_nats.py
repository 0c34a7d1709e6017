"""The embedded nats-server: who may do what, and what it keeps."""

import asyncio
import json
import os
import signal

import nats
import pytest

from onward.process.child_spec import ChildFailed, ChildReady
from onward.process.probe import http_ok


@pytest.fixture
async def server(install, folder):
    return await install(folder / "data").start_nats()


@pytest.fixture
async def connect(server):
    made = []

    async def connect(user: str, url: str | None = None):
        errors = asyncio.Queue()

        async def on_error(error: Exception) -> None:
            errors.put_nowait(str(error).lower())

        connection = await nats.connect(
            url or server.url(user),
            error_cb=on_error,
            inbox_prefix=f"_INBOX_{user}",
            allow_reconnect=False,
            connect_timeout=5,
        )
        made.append(connection)
        return connection, errors

    yield connect
    for connection in made:
        await connection.close()


async def refusal(errors: asyncio.Queue) -> str:
    async with asyncio.timeout(40):
        return await errors.get()


async def test_services_make_streams_and_each_append_is_on_disk_before_its_ack(server, connect):
    connection, _ = await connect("services")
    jetstream = connection.jetstream()
    await jetstream.add_stream(name="EVENTS", subjects=["onward.ev.>"])
    assert (await jetstream.publish("onward.ev.one", b"x")).seq == 1
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(b"GET /jsz?config=1 HTTP/1.0\r\n\r\n")
    answer = json.loads((await reader.read()).split(b"\r\n\r\n", 1)[1])
    writer.close()
    assert answer["config"]["sync_always"] is True


@pytest.mark.parametrize("login", [{}, {"user": "services", "pass": "guess"}, {"user": "sys"}])
async def test_nobody_comes_in_without_a_password(server, login):
    # By hand: the client leaves its socket open when it is turned away.
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"CONNECT {json.dumps({'verbose': False, **login})}\r\nPING\r\n".encode())
    async with asyncio.timeout(40):
        assert b"-ERR 'Authorization Violation'" in await reader.read()
    writer.close()


async def test_a_worker_appends_but_may_not_make_empty_or_delete_streams(connect):
    services, _ = await connect("services")
    await services.jetstream().add_stream(name="EVENTS", subjects=["onward.ev.>"])
    worker, errors = await connect("worker")

    assert (await worker.jetstream().publish("onward.ev.one", b"x")).seq == 1
    for api in ("CREATE.OTHER", "UPDATE.EVENTS", "PURGE.EVENTS", "DELETE.EVENTS"):
        await worker.publish(f"$JS.API.STREAM.{api}", b"{}")
        assert "permissions violation" in await refusal(errors)

    info = await services.jetstream().stream_info("EVENTS")
    assert info.state.messages == 1


async def test_an_observer_hears_what_is_announced_and_nothing_else(connect):
    services, _ = await connect("services")
    observer, errors = await connect("observer")
    live = await observer.subscribe("onward.live.>")
    await observer.flush()
    await services.publish("onward.live.default.completed.default.1", b"done")
    assert (await live.next_msg(timeout=5)).data == b"done"

    for subject in ("onward.ev.>", ">", "_INBOX_services.>", "onward.work.>"):
        await observer.subscribe(subject)
        assert "permissions violation for subscription" in await refusal(errors)
    await observer.publish("onward.live.default.completed.default.2", b"lie")
    assert "permissions violation for publish" in await refusal(errors)


async def test_the_system_account_sees_who_disconnects(connect):
    system, _ = await connect("sys")
    ends = await system.subscribe("$SYS.ACCOUNT.APP.DISCONNECT")
    await system.flush()
    worker, _ = await connect("worker")
    await worker.close()
    assert json.loads((await ends.next_msg(timeout=5)).data)["client"]["user"] == "worker"


async def test_a_killed_server_comes_back_on_its_port_with_its_data(install, folder):
    installation = install(folder / "data")
    server = await installation.start_nats()
    connection = await nats.connect(server.url("services"))
    await connection.jetstream().add_stream(name="EVENTS", subjects=["onward.ev.>"])
    await connection.jetstream().publish("onward.ev.one", b"x")
    await connection.close()

    os.kill(installation.supervisor.pids["nats"], signal.SIGKILL)
    async with asyncio.timeout(40):
        while sum(isinstance(report, ChildReady) for report in installation.reports) < 2:
            await asyncio.sleep(0.01)

    connection = await nats.connect(server.url("services"))
    assert (await connection.jetstream().stream_info("EVENTS")).state.messages == 1
    await connection.close()


async def test_the_passwords_are_in_no_file_that_others_can_read(server, folder):
    assert server.config.stat().st_mode & 0o077 == 0
    assert server.directory.credentials.stat().st_mode & 0o077 == 0
    assert await http_ok(f"http://127.0.0.1:{server.http_port}/healthz")


async def test_a_configuration_that_the_server_refuses_is_told_before_it_starts(install, folder, monkeypatch):
    monkeypatch.setattr("onward.cli.embedded.nats._CONFIG", "listen: {{ nonsense\n")
    installation = install(folder / "data")
    with pytest.raises(ChildFailed, match="nats-server -t"):
        await installation.start_nats()
    assert installation.reports == []
