"""Hands what log_relay owns on to it: logs over HTTP, streamed, and WebSockets. One base URL serves every client."""

import asyncio
import contextlib
from typing import Any

import aiohttp
from litestar import asgi, get
from litestar.types import Receive, Scope, Send
from yarl import URL

from onward.contract.errors import BadRequest, OnwardError, Unavailable
from onward.http import browser
from onward.http.answer import refuse_socket
from onward.http.call import Call, call_of
from onward.http.load import Load
from onward_gateway.routes import ONE, Door, Operation, describe

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 30.0
_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
    b"transfer-encoding", b"upgrade", b"host", b"content-length", b"server", b"date",
})  # fmt: skip
_PING_SECONDS = 20.0
_MAX_MESSAGE = 4 * 1024 * 1024


class Relay:
    """The way to log_relay."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        """The connections to it, made on first use."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self._session

    async def get(self, path: str, query: bytes, call: Call) -> aiohttp.ClientResponse:
        """Its answer, of which only the head was read. Raises Unavailable."""
        url = URL(_joined(self._url + path, query), encoded=True)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self.session().get(url, headers=_onward(call), allow_redirects=False)
        except (aiohttp.ClientError, OSError) as error:
            raise _down(error) from None

    async def socket(self, path: str, query: bytes, call: Call) -> "aiohttp.ClientWebSocketResponse[bool]":
        """A WebSocket to it. Raises Unavailable, or what it refuses with."""
        url = URL(_joined(self._url + path, query), encoded=True)
        asked = call.headers.get(b"sec-websocket-protocol", b"").decode("latin-1")
        protocols = [name.strip() for name in asked.split(",") if name.strip()]
        headers = {k: v for k, v in _onward(call).items() if not k.lower().startswith("sec-websocket-")}
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self.session().ws_connect(
                    url,
                    headers=headers,
                    protocols=protocols,
                    heartbeat=_PING_SECONDS,
                    max_msg_size=_MAX_MESSAGE,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise BadRequest(f"log_relay refuses this WebSocket: {error.status} {error.message}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _down(error) from None

    async def close(self) -> None:
        """Ends its connections."""
        if self._session is not None:
            await self._session.close()


class Passing:
    """An answer of log_relay on its way through: read no faster than the caller takes it."""

    def __init__(self, upstream: aiohttp.ClientResponse, load: Load) -> None:
        self._upstream = upstream
        self._load = load

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        """Streams it until either side ends."""
        try:
            with self._load.parking():
                await self._stream(receive, send)
        finally:
            self._upstream.close()

    async def _stream(self, receive: Any, send: Any) -> None:
        pump = asyncio.ensure_future(self._pump(send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, gone):
                task.cancel()
            await asyncio.gather(pump, gone, return_exceptions=True)

    async def _pump(self, send: Any) -> None:
        headers = [(name.lower(), value) for name, value in self._upstream.raw_headers]
        kept = [(name, value) for name, value in headers if name not in _HOP]
        await send({"type": "http.response.start", "status": self._upstream.status, "headers": kept})
        try:
            async for part in self._upstream.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        except aiohttp.ClientError:
            # It broke off: no end is sent, so that nobody takes this for the whole.
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@get(
    ONE + "/logs",
    opt=describe(
        Operation(
            summary="The log of one execution: JSON, NDJSON, text or SSE; log_relay answers this",
            answers={200: None},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def logs(request: Door) -> Passing:
    """Passes the question on, with the whole id."""
    return await _passed(request, "logs")


@get(
    ONE + "/logs/matches",
    opt=describe(
        Operation(
            summary="Where a text stands in the whole log of an execution; log_relay answers this",
            answers={200: None},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def matches(request: Door) -> Passing:
    """The same for the search."""
    return await _passed(request, "logs/matches")


async def _passed(request: Door, what: str) -> Passing:
    gateway = request.app.state["gateway"]
    call = call_of(request.scope)
    execution_id = await gateway.finder.resolve(call.who.project, request.path_params["execution_id"])
    path = f"/api/v1/executions/{execution_id}/{what}"
    upstream = await gateway.relay.get(path, request.scope["query_string"], call)
    return Passing(upstream, gateway.load)


@asgi(
    ["/api/v1/ws", "/ws"],
    copy_scope=False,
    # No browser can send the header, so the first message may bring the key: log_relay asks for it.
    opt=describe(
        Operation(
            summary="Logs and states of executions on one WebSocket; log_relay answers this",
            answers={101: None},
            refuses=(400, 401, 503),
        ),
        public=True,
    ),
)
async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Couples the caller's WebSocket with one to log_relay."""
    call = call_of(scope)
    if str(scope["type"]) != "websocket":
        raise BadRequest("this address speaks WebSocket", fix="open it with a WebSocket client")
    gateway = scope["litestar_app"].state["gateway"]
    await receive()
    gateway.load.in_flight += 1  # which parking takes back
    try:
        authorization = browser.authorization(scope, call)
        if authorization is not None:
            gateway.keys.verify(authorization)
        with gateway.load.parking():
            upstream = await gateway.relay.socket("/api/v1/ws", scope["query_string"], call)
            await send({"type": "websocket.accept", "subprotocol": upstream.protocol, "headers": []})
            await _couple(upstream, receive, send)
    except OnwardError as error:
        await refuse_socket(scope, send, error)
    finally:
        gateway.load.in_flight -= 1


async def _couple(upstream: Any, receive: Any, send: Any) -> None:
    inward = asyncio.ensure_future(_inward(upstream, receive))
    outward = asyncio.ensure_future(_outward(upstream, send))
    try:
        await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (inward, outward):
            task.cancel()
        await asyncio.gather(inward, outward, return_exceptions=True)
        with contextlib.suppress(Exception):
            await upstream.close()


async def _inward(upstream: Any, receive: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            await upstream.close(code=message.get("code", 1000))
            return
        if message.get("text") is not None:
            await upstream.send_str(message["text"])
        elif message.get("bytes") is not None:
            await upstream.send_bytes(message["bytes"])


async def _outward(upstream: Any, send: Any) -> None:
    async for message in upstream:
        if message.type is aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type is aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
    await send({"type": "websocket.close", "code": upstream.close_code or 1012, "reason": ""})


def _onward(call: Call) -> dict[str, str]:
    kept = {name: value for name, value in call.headers.items() if name not in _HOP}
    kept[b"traceparent"] = call.traceparent.encode()
    # A session's cookie ends here: log_relay is told whose it is as it is told of any key.
    kept.pop(b"cookie", None)
    if b"authorization" not in kept and (session := browser.session_key(call)) is not None:
        kept[b"authorization"] = b"Bearer " + session.encode()
    # log_relay lets a browser's page in when it comes from the host that was asked for.
    kept.setdefault(b"x-forwarded-host", call.headers.get(b"host", b""))
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in kept.items()}


def _joined(url: str, query: bytes) -> str:
    return url + ("?" + query.decode("latin-1") if query else "")


def _down(error: Exception) -> Unavailable:
    why = "does not answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
    return Unavailable(
        f"log_relay {why}", fix="see `onward doctor`; executions go on meanwhile", retry_after=2
    )


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
