"""The connection: refusals, silence, and never giving up."""

import asyncio
import time

import pytest

from onward.bus.connection import NotConnected, connect
from onward.bus.wire import block
from onward.contract.errors import Misconfigured, TooLarge, Unavailable
from tests.live.bus.making import until
from tests.support.nats_server import one_server
from tests.support.ports import free_port


async def test_a_wrong_credential_is_told_at_once(nats_server):
    wrong = nats_server.url.replace("app-secret", "guess")
    begun = time.monotonic()

    with pytest.raises(Misconfigured) as error:
        await connect(wrong, "test", on_closed=lambda: None)

    assert time.monotonic() - begun < 10
    assert "guess" not in str(error.value)


async def test_a_url_that_makes_no_sense_is_told_at_once():
    with pytest.raises(Misconfigured):
        await connect("nats://:::", "test", on_closed=lambda: None)


async def test_a_server_that_is_not_there_is_waited_for(tmp_path):
    with pytest.raises(Unavailable) as error:
        await connect(f"nats://u:secret@127.0.0.1:{free_port()}", "t", on_closed=lambda: None, within=0.5)

    assert "secret" not in str(error.value)


async def test_a_request_without_connection_is_refused_at_once(far, wire):
    wire.refuse = True
    wire.cut()
    await until(lambda: not far.connection.connected)

    with pytest.raises(NotConnected):
        await far.connection.request("test", b"")
    with pytest.raises(NotConnected):
        far.connection.send("test", b"")


async def test_who_waits_hears_of_a_lost_connection_at_once(far, wire):
    wire.swallow = True
    asking = asyncio.create_task(far.connection.request("$JS.API.INFO", timeout=30))
    await asyncio.sleep(0.05)
    begun = time.monotonic()

    wire.swallow = False
    wire.cut()

    with pytest.raises(Unavailable):
        await asking
    assert time.monotonic() - begun < 10


async def test_it_comes_back_after_the_server_was_killed(tmp_path):
    with one_server(tmp_path) as server:
        connection = await connect(server.url, "test", on_closed=lambda: None)
        for _ in range(3):
            server.kill()
            await until(lambda: not connection.connected)
            server.start()
            await until(lambda: connection.connected)
            await connection.flush()
        await connection.close()


async def test_a_frozen_server_is_left(tmp_path, monkeypatch):
    """Silent, with its sockets open, and unread bytes of ours on their way."""
    monkeypatch.setattr("onward.bus.connection.WATCH_SECONDS", 0.4)
    with one_server(tmp_path) as server:
        connection = await connect(server.url, "test", on_closed=lambda: None)
        server.pause()
        for _ in range(64):
            connection.send("test", b"x" * 500_000)

        await until(lambda: not connection.connected)
        server.resume()

        await until(lambda: connection.connected)
        await connection.flush()
        await connection.close()


async def test_a_wire_that_has_gone_silent_is_left(wire, monkeypatch):
    monkeypatch.setattr("onward.bus.connection.WATCH_SECONDS", 0.4)
    connection = await connect(wire.url, "test", on_closed=lambda: None)
    told = []
    connection.watchers.append(told.append)

    wire.swallow = True
    await until(lambda: told == [False])
    wire.swallow = False

    await until(lambda: told == [False, True])
    await connection.flush()
    await connection.close()


async def test_messages_are_put_together_however_they_are_cut_up(wire, monkeypatch):
    """Every byte may come alone."""
    wire.chunk = 1
    connection = await connect(wire.url, "test", on_closed=lambda: None)
    heard = []
    connection.listen("test.cut", lambda *message: heard.append(message))
    headers = block(("Key", "value"))

    connection.send("test.cut", b"one\r\nMSG two", headers=headers)
    connection.send("test.cut", b"", reply="back")
    connection.send("test.cut", b"three")
    await connection.flush(10)

    assert heard == [
        (b"test.cut", b"", headers, b"one\r\nMSG two"),
        (b"test.cut", b"back", b"", b""),
        (b"test.cut", b"", b"", b"three"),
    ]
    await connection.close()


async def test_a_server_that_speaks_nonsense_is_left(wire):
    connection = await connect(wire.url, "test", on_closed=lambda: None)
    told = []
    connection.watchers.append(told.append)

    wire.say(b"HTTP/1.1 200 OK\r\n\r\n")

    await until(lambda: told == [False, True])
    await connection.flush()
    await connection.close()


async def test_closed_for_good_is_told_and_our_own_end_is_not(nats_server):
    ended = []
    connection = await connect(nats_server.url, "test", on_closed=lambda: ended.append(1))
    ours = await connect(nats_server.url, "test", on_closed=lambda: ended.append(2))

    await connection.client.close()
    await ours.close()

    assert ended == [1]


async def test_a_listener_that_fails_does_not_end_the_connection(connection, caplog):
    heard = []

    def listener(_subject, _reply, _headers, data):
        if data == b"bad":
            raise RuntimeError("bad")
        heard.append(data)

    connection.listen("test.failing", listener)
    connection.send("test.failing", b"bad")
    connection.send("test.failing", b"good")
    await connection.flush()

    assert heard == [b"good"]
    assert "a listener failed" in caplog.text


async def test_more_than_a_message_may_hold_is_refused(connection):
    with pytest.raises(TooLarge):
        connection.send("test", b"x" * (connection.max_payload + 1))


async def test_answers_come_to_whom_they_belong(connection, bus):
    async def ask(i):
        reply = await connection.request("$JS.API.STREAM.INFO.ONWARD_EVENTS", b"")
        return i, reply.status

    assert await asyncio.gather(*(ask(i) for i in range(500))) == [(i, 0) for i in range(500)]
    assert not connection._waiting
