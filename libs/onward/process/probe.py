"""Asks a neighbour over HTTP whether it is ready, with nothing but a socket."""

import asyncio
import contextlib
from urllib.parse import urlsplit

_MOST_BYTES = 65536


async def http_ok(url: str, *, timeout: float = 2.0) -> bool:
    """Says whether a GET of this http address answers 200 in time."""
    return (await http_told(url, timeout=timeout))[0] == 200


async def http_told(url: str, *, timeout: float = 2.0) -> tuple[int, str]:
    """Returns the status of a GET of this http address and what it says; 0 where it does not answer in time."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        async with asyncio.timeout(timeout):
            return await _told(parts.hostname or "127.0.0.1", parts.port or 80, target)
    except (OSError, TimeoutError, ValueError):
        return 0, ""


async def _told(host: str, port: int, target: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        if not line.startswith(b"HTTP/1."):
            return 0, ""
        said = await reader.read(_MOST_BYTES) if int(line.split()[1]) != 200 else b""
        return int(line.split()[1]), said.decode(errors="replace")
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
