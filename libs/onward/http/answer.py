"""Answers as plain ASGI: bytes that are ready, without a framework's response object around them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from onward.contract.errors import OnwardError
from onward.http.call import call_of
from onward.http.problems import to_answer

Headers = tuple[tuple[bytes, bytes], ...]

_JSON: Headers = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_encoder = msgspec.json.Encoder()


class Answer:
    """A whole answer, ready to be sent."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: Headers) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, _scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Sends it."""
        headers = self.headers
        if self.status != 304:
            headers = (*headers, (b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


class LongAnswer(Answer):
    """JSON of a known length, sent in parts as they come; one that fails to come ends the connection."""

    __slots__ = ("length", "parts")

    def __init__(self, length: int, parts: AsyncIterator[bytes], headers: Headers = ()) -> None:
        super().__init__(200, b"", _JSON + headers)
        self.length = length
        self.parts = parts

    async def __call__(self, _scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Sends it, no faster than it is read."""
        headers = (*self.headers, (b"content-length", str(self.length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        async for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class StreamedAnswer(Answer):
    """A text of unknown length, sent in parts as they come; one that fails to come ends the connection."""

    __slots__ = ("parts",)

    def __init__(self, parts: AsyncIterator[str], media_type: str, headers: Headers = ()) -> None:
        super().__init__(200, b"", (*_text_headers(media_type), *headers))
        self.parts = parts

    async def __call__(self, _scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Sends it, no faster than it is read, until it ends or the caller hangs up."""
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            async for part in self.parts:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": part.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()


def json_answer(value: Any, status: int = 200, headers: Headers = ()) -> Answer:
    """`value` as JSON."""
    return Answer(status, _encoder.encode(value), _JSON + headers)


def raw_answer(body: bytes, status: int = 200, headers: Headers = ()) -> Answer:
    """JSON that is encoded already."""
    return Answer(status, body, _JSON + headers)


def text_answer(body: str, media_type: str) -> Answer:
    """Plain text of some type."""
    return Answer(200, body.encode(), _text_headers(media_type))


def _text_headers(media_type: str) -> Headers:
    return (
        (b"content-type", media_type.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    )


async def _gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def refuse_socket(scope: Any, send: Callable[[Any], Awaitable[None]], error: OnwardError) -> None:
    """Refuses a WebSocket before it is open: with a problem where the server can, by a close code otherwise."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 4000 + error.status, "reason": error.code})
        return
    status, headers, body = to_answer(error, scope, call_of(scope).trace_id)
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
