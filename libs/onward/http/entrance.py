"""The outermost layer: the size of a body is judged before anything is read, known or allowed."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from onward.contract.errors import OnwardError, TooLarge
from onward.http.auth import App, Receive, Send
from onward.http.call import Call, call_of
from onward.http.load import Load
from onward.http.problems import BodyTimeout, FieldError, UnsupportedMedia, blaming, to_answer
from onward.process.metrics import Metrics
from onward.process.within import Within
from onward.telemetry import scope as about

MAX_BODY = 1024 * 1024
BODY_SECONDS = 10.0
_BYTES_A_SECOND = 1024 * 1024
"""The slowest that a body above MAX_BODY may come."""
_MOST = 128 * 1024 * 1024
_DRAIN_SECONDS = 2.0
_JSON = (b"application/json", b"application/json; charset=utf-8")


class Larger(msgspec.Struct, frozen=True):
    """What a path may have above MAX_BODY."""

    most: int
    unannounced: int = MAX_BODY
    """Of a body that does not say its length: read before anybody knows who sends it."""
    at: str = ""
    """The member that makes a body too large."""


_USUAL = Larger(MAX_BODY)


def entrance(app: App, *, load: Load, metrics: Metrics, larger: Mapping[str, Larger]) -> App:
    """`app` behind limits on its bodies (`larger`: the paths that may have more) and a count of what goes on."""
    requests = metrics.counter(
        "onward_http_requests_total", "Requests answered.", ("route", "method", "status")
    )
    seconds = metrics.histogram("onward_http_request_seconds", "Time to the end of an answer.", ("route",))

    bounds: Within | None = None

    async def enter(scope: Any, receive: Receive, send: Send) -> None:
        nonlocal bounds
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def noted(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        load.in_flight += 1
        bounds = bounds or Within()
        call = call_of(scope, bounds)
        cause = about.cause.set(call.traceparent)
        try:
            try:
                given = await _bounded(call, receive, larger.get(scope["path"], _USUAL))
            except OnwardError as error:
                await _turn_away(scope, receive, noted, error, call)
            else:
                await app(scope, given, noted)
        finally:
            about.cause.reset(cause)
            load.in_flight -= 1
            route = scope.get("path_template") or "none"
            requests.add(route=route, method=scope["method"], status=str(status))
            seconds.observe(time.perf_counter() - started, route=route)

    return enter


async def body_of(call: Call, receive: Receive) -> bytes:
    """The JSON text of a request. Raises UnsupportedMedia, BodyTimeout."""
    kind = call.headers.get(b"content-type", b"")
    if kind not in _JSON and not _is_json(kind):
        raise UnsupportedMedia(
            "the body must be JSON", fix="send the header `Content-Type: application/json`"
        )
    if call.headers.get(b"content-encoding", b"identity") != b"identity":
        raise UnsupportedMedia("the body is compressed, which is not read here", fix="send it uncompressed")
    return await _whole(call, receive, _MOST, BODY_SECONDS + announced(call) / _BYTES_A_SECOND)


def announced(call: Call) -> int:
    """The bytes that a body says it has above MAX_BODY; 0 for any other."""
    length = call.headers.get(b"content-length", b"0")
    size = int(length) if length.isdigit() else 0
    return size if size > MAX_BODY else 0


def _is_json(kind: bytes) -> bool:
    media, _, parameters = kind.lower().partition(b";")
    charset = parameters.strip().removeprefix(b"charset=").strip(b'"')
    return media.strip() == b"application/json" and charset in {b"", b"utf-8"}


async def _bounded(call: Call, receive: Receive, limit: Larger) -> Receive:
    """`receive`, whose body is known to be within the limit. Raises TooLarge, BodyTimeout."""
    length = call.headers.get(b"content-length")
    if length is not None:
        if not length.isdigit() or int(length) > limit.most:
            raise _too_large(limit.most, limit.at)
        return receive
    if b"transfer-encoding" not in call.headers:
        return receive
    # Nobody said how long it is: it is read here, up to the limit.
    whole: bytes | None = await _whole(call, receive, limit.unannounced, BODY_SECONDS)

    async def once() -> Any:
        nonlocal whole
        if whole is None:
            return await receive()
        body, whole = whole, None
        return {"type": "http.request", "body": body, "more_body": False}

    return once


async def _whole(call: Call, receive: Receive, limit: int, seconds: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        with call.bounds.within(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BodyTimeout("the connection ended before the body did")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limit:
                    raise _too_large(limit)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
    except TimeoutError:
        raise BodyTimeout(f"the body did not arrive within {seconds:.0f} s", fix="send it at once") from None


def _too_large(limit: int, at: str = "") -> OnwardError:
    error = TooLarge(
        f"{at + ': ' if at else ''}the body is larger than {limit} bytes",
        fix="send a reference to what is large, or several smaller requests, and the body's length with it",
    )
    return blaming(error, FieldError(at, "too large")) if at else error


async def _turn_away(scope: Any, receive: Receive, send: Send, error: OnwardError, call: Call) -> None:
    """Refuses now, and hears the caller out for a moment: who is still writing would never read the answer."""
    status, headers, body = to_answer(error, scope, call.trace_id)
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})
