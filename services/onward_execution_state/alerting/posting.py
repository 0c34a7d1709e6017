"""One request to a webhook: to the address that was checked and to no other, without redirects, within bounds."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from onward.contract.destinations import Allowed, why_forbidden

SECONDS = 15.0
MOST_ANSWER = 1_024
"""Bytes of an answer that are read, and kept."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What one try came to; `code` is none where nothing was answered."""

    code: int | None
    duration_ms: float
    answer: str | None = None
    error: str | None = None
    retry_after: float | None = None
    forbidden: bool = False

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return self.code is not None and 200 <= self.code < 300


class Forbidden(Exception):
    """The address is inside, and no operator has allowed it."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system knows them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_address(host: str, port: int, allowed: Allowed, resolver: Resolve) -> str:
    """The one address to connect to. Raises Forbidden where any of a host's addresses is inside, OSError."""
    try:
        addresses = [str(ipaddress.ip_address(host))]
    except ValueError:
        addresses = await resolver(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    for address in addresses:
        if (why := why_forbidden(host, address, allowed)) is not None:
            raise Forbidden(f"{host}: {why}; ONWARD_WEBHOOK_ALLOW names what may be reached all the same")
    return addresses[0]


async def post(
    url: str, body: bytes, headers: dict[str, str], allowed: Allowed, resolver: Resolve = resolve
) -> Answered:
    """Sends it once; never raises."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(SECONDS):
            code, answer, retry_after = await _post(url, body, headers, allowed, resolver)
    except Forbidden as error:
        return Answered(code=None, duration_ms=_ms(began), error=str(error), forbidden=True)
    except TimeoutError:
        return Answered(code=None, duration_ms=_ms(began), error=f"no answer within {SECONDS:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answered(code=None, duration_ms=_ms(began), error=f"{type(error).__name__}: {error}"[:500])
    return Answered(code=code, duration_ms=_ms(began), answer=answer, retry_after=retry_after)


async def _post(
    url: str, body: bytes, headers: dict[str, str], allowed: Allowed, resolver: Resolve
) -> tuple[int, str, float | None]:
    # Read once, and by who sends it: two readers could find two hosts in one text.
    to = URL(url)
    if to.scheme not in {"http", "https"} or not to.host or to.port is None:
        raise Forbidden(f"{to.scheme or 'nothing'}: only http and https leave here")
    address = await checked_address(to.host, to.port, allowed, resolver)
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(address), use_dns_cache=False, force_close=True, limit=1, ttl_dns_cache=None
    )
    async with (
        aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False) as session,
        session.post(to, data=body, headers=headers, allow_redirects=False) as response,
    ):
        answer = await response.content.read(MOST_ANSWER)
        text = answer.decode("utf-8", "replace").replace("\0", "")
        return response.status, text, _seconds(response.headers.get("retry-after"))


class _Pinned(AbstractResolver):
    """Resolves every name to the address that was checked: a second look could find another."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        version = ipaddress.ip_address(self._address).version
        found: Any = {
            "hostname": host, "host": self._address, "port": port, "proto": 0,
            "family": socket.AF_INET if version == 4 else socket.AF_INET6, "flags": socket.AI_NUMERICHOST,
        }  # fmt: skip
        return [found]

    async def close(self) -> None:
        return


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() and len(text) < 8 else None


def _ms(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 3)
