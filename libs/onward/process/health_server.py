"""The health endpoint of services that have no web framework: /livez, /readyz, /metrics."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from onward.process.health import Health, HealthReport
from onward.process.metrics import CONTENT_TYPE, Metrics

_REQUEST_SECONDS = 5.0
_REQUEST_LIMIT = 8192
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}
_JSON = "application/json"

Answer = tuple[int, str, bytes]


@contextlib.asynccontextmanager
async def serve_health(host: str, port: int, health: Health, metrics: Metrics) -> AsyncIterator[int]:
    """Serves the three addresses while the block runs; yields the port, which 0 leaves to the system."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(request, await _answer(request, health, metrics)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, host, port, limit=_REQUEST_LIMIT)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _answer(request: bytes, health: Health, metrics: Metrics) -> Answer:
    words = request.split(b"\r\n", 1)[0].split(b" ")
    if len(words) != 3:
        return 400, "text/plain", b"bad request\n"
    if words[0] not in {b"GET", b"HEAD"}:
        return 405, "text/plain", b"only GET\n"
    match words[1].partition(b"?")[0]:
        case b"/livez":
            return _health_answer(await health.live())
        case b"/readyz":
            return _health_answer(await health.ready())
        case b"/metrics":
            return 200, CONTENT_TYPE, metrics.render().encode()
        case _:
            return 404, "text/plain", b"/livez, /readyz and /metrics are here\n"


def _health_answer(report: HealthReport) -> Answer:
    return (200 if report.ok else 503), _JSON, msgspec.json.encode(report)


def _response(request: bytes, answer: Answer) -> bytes:
    status, kind, body = answer
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()
    return head if request.startswith(b"HEAD ") else head + body
