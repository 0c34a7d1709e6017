"""Asks a neighbour over HTTP whether it is ready, with nothing but a socket."""

import asyncio
import contextlib
from urllib.parse import urlsplit


async def http_ok(url: str, *, timeout: float = 2.0) -> bool:
    """Says whether a GET of this http address answers 200 in time."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        async with asyncio.timeout(timeout):
            return await _status(parts.hostname or "127.0.0.1", parts.port or 80, target) == 200
    except (OSError, TimeoutError, ValueError):
        return False


async def _status(host: str, port: int, target: str) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        return int(line.split()[1]) if line.startswith(b"HTTP/1.") else 0
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
