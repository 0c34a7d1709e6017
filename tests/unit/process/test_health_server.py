"""The health endpoint, asked over a loopback socket."""

import asyncio

import msgspec
import pytest

from onward.process.health import Health
from onward.process.health_server import serve_health
from onward.process.metrics import Metrics
from onward.process.probe import http_ok


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def port(health, metrics):
    async with serve_health("127.0.0.1", 0, health, metrics) as port:
        yield port


async def asked(port: int, request: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    async with asyncio.timeout(5):
        answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return (int(head.split()[1]), body) if head else (0, "")


async def test_readiness_is_a_status_with_reasons(port, health):
    health.add_ready("nats", lambda: "not connected")
    status, body = await asked(port, "GET /readyz HTTP/1.1\r\n\r\n")
    assert status == 503
    assert msgspec.json.decode(body) == {
        "status": "not ready",
        "checks": [{"name": "nats", "ok": False, "reason": "not connected"}],
    }
    assert not await http_ok(f"http://127.0.0.1:{port}/readyz")
    assert await http_ok(f"http://127.0.0.1:{port}/livez?verbose")


async def test_metrics_are_text(port, metrics):
    metrics.counter("starts_total", "Starts.").add()
    status, body = await asked(port, "GET /metrics HTTP/1.1\r\n\r\n")
    assert (status, body.splitlines()[-1]) == (200, "starts_total 1")


@pytest.mark.parametrize(
    "request_line, status",
    [
        ("GET / HTTP/1.1", 404),
        ("POST /livez HTTP/1.1", 405),
        ("nonsense", 400),
        ("HEAD /livez HTTP/1.1", 200),
    ],
)
async def test_other_requests_are_answered_by_their_status(port, request_line, status):
    assert (await asked(port, f"{request_line}\r\n\r\n"))[0] == status


async def test_a_request_without_end_is_cut_off(port):
    assert await asked(port, "GET /livez HTTP/1.1\r\nX: " + "x" * 20_000) == (0, "")


async def test_nobody_there_is_not_ready(unused_port):
    assert not await http_ok(f"http://127.0.0.1:{unused_port}/readyz")


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
