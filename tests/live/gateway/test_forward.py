"""What log_relay owns comes through as it is: streamed, no faster than it is read, and refused politely without it."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from tests.live.gateway.process import EXECUTIONS, gateway_on, new_caller
from tests.support.ports import free_port

ID = "01912345-0000-7000-8000-000000000001"


class FakeRelay:
    """What the gateway needs of log_relay."""

    def __init__(self) -> None:
        self.port = free_port()
        self.seen: list[web.Request] = []
        self.more = asyncio.Event()
        self.sent = 0
        self.broken_off = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/api/v1/executions/{id}/logs", self.logs)
        app.router.add_get("/api/v1/ws", self.socket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def logs(self, request):
        self.seen.append(request)
        if "missing" in request.query:
            return web.json_response(
                {"code": "not_found", "status": 404}, status=404, content_type="application/problem+json"
            )
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson", "onward-test": "1"})
        await response.prepare(request)
        try:
            if "flood" in request.query:
                while True:
                    await response.write(b"x" * 65_536)
                    self.sent += 65_536
            await response.write(b'{"line":1}\n')
            await self.more.wait()
            if "break" in request.query:
                request.transport.abort()
                return response
            await response.write(b'{"line":2}\n')
        except (ConnectionError, asyncio.CancelledError):
            self.broken_off.set()
            raise
        return response

    async def socket(self, request):
        self.seen.append(request)
        if "refuse" in request.query:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse(protocols=("onward",))
        await socket.prepare(request)
        async for message in socket:
            if message.data == "bye":
                await socket.close(code=4001)
            else:
                await socket.send_str("echo " + message.data)
        self.broken_off.set()
        return socket


@pytest.fixture
async def relay():
    relay = FakeRelay()
    await relay.start()
    yield relay
    await relay.stop()


@pytest.fixture
async def own_gateway(nats_server, relay, tmp_path):
    address = f"http://127.0.0.1:{relay.port}"
    async with gateway_on(nats_server, tmp_path, ONWARD_RELAY_URL=address) as gateway:
        yield gateway


@pytest.fixture
async def client(bus, own_gateway, session, project):
    await own_gateway.ready()
    return await new_caller(bus, own_gateway, session, project)


def url(client, query="") -> str:
    return f"{client.gateway.url}{EXECUTIONS}/{ID}/logs{query}"


def auth(client):
    return {"Authorization": f"Bearer {client.key}"}


async def test_a_log_comes_through_line_by_line(client, relay):
    async with client.session.get(
        url(client, "?follow=true&grep=a%2Bb"), headers={**auth(client), "accept": "x/y"}
    ) as answer:
        assert (answer.status, answer.headers["onward-test"]) == (200, "1")
        assert await answer.content.readline() == b'{"line":1}\n'
        # Who follows a log takes no place from those who ask and go.
        assert b"\nonward_http_waiting 1\n" in (await client.call("GET", "/metrics")).body
        relay.more.set()
        assert await answer.content.read() == b'{"line":2}\n'

    seen = relay.seen[0]
    assert (seen.query_string, seen.headers["accept"]) == ("follow=true&grep=a%2Bb", "x/y")
    assert seen.headers["authorization"] == auth(client)["Authorization"]
    assert seen.headers["traceparent"].startswith("00-")


async def test_a_refusal_of_the_relay_comes_through(client):
    reply = await client.call("GET", f"{EXECUTIONS}/{ID}/logs?missing=1")

    assert (reply.status, reply.code) == (404, "not_found")


async def test_a_log_that_breaks_off_is_not_taken_for_whole(client, relay):
    relay.more.set()
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.session.get(url(client, "?break=1"), headers=auth(client)) as answer:
            await answer.read()


async def test_a_reader_who_leaves_is_not_read_for_any_more(client, relay):
    async with client.session.get(url(client), headers=auth(client)) as answer:
        await answer.content.readline()
        answer.close()

    async with asyncio.timeout(40):
        await relay.broken_off.wait()


async def test_a_slow_reader_slows_the_relay_down(client, relay):
    async with client.session.get(url(client, "?flood=1"), headers=auth(client)) as answer:
        assert answer.status == 200
        last = -1
        async with asyncio.timeout(40):
            while last != relay.sent:
                last = relay.sent
                await asyncio.sleep(0.5)
        answer.close()

    print(f"\na reader that reads nothing: the relay could send {relay.sent / 1e6:.1f} MB")
    assert relay.sent < 40_000_000


async def test_without_the_relay_logs_are_refused_for_now(client, relay):
    await relay.stop()

    reply = await client.call("GET", f"{EXECUTIONS}/{ID}/logs")

    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "unavailable", "2")
    assert (await client.submit())["status"] == "pending"


async def test_the_relay_is_asked_only_by_who_has_a_key(client, relay):
    assert (await client.call("GET", f"{EXECUTIONS}/{ID}/logs", key=None)).status == 401
    wrong = {"Authorization": auth(client)["Authorization"][:-1] + "*"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await client.session.ws_connect(client.gateway.url + "/api/v1/ws", headers=wrong)
    assert refusal.value.status == 401
    assert relay.seen == []


async def test_a_socket_without_a_header_is_left_to_the_relay(client, relay):
    socket = await client.session.ws_connect(client.gateway.url + "/ws")

    await socket.send_str("my key")

    assert await socket.receive_str() == "echo my key"
    assert "authorization" not in relay.seen[0].headers
    await socket.close()


async def test_a_websocket_is_coupled_in_both_directions(client, relay):
    socket = await client.session.ws_connect(
        client.gateway.url + "/api/v1/ws?a=b", headers=auth(client), protocols=["onward"]
    )

    await socket.send_str("hello")

    assert (await socket.receive_str(), socket.protocol) == ("echo hello", "onward")
    assert relay.seen[0].query_string == "a=b"
    await socket.send_str("bye")
    message = await socket.receive()
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 4001)


async def test_a_websocket_that_is_left_ends_at_the_relay(client, relay):
    socket = await client.session.ws_connect(client.gateway.url + "/api/v1/ws", headers=auth(client))
    await socket.send_str("hello")
    await socket.receive_str()

    await socket.close()

    async with asyncio.timeout(40):
        await relay.broken_off.wait()


async def test_a_websocket_without_the_relay_is_refused_for_now(client, relay):
    await relay.stop()

    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await client.session.ws_connect(client.gateway.url + "/api/v1/ws", headers=auth(client))

    assert (refusal.value.status, refusal.value.headers["retry-after"]) == (503, "2")


async def test_the_address_of_the_websocket_speaks_nothing_else(client):
    assert (await client.call("GET", "/api/v1/ws")).code == "bad_request"
