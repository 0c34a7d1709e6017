"""`GET /api/v1/ws`: one WebSocket with any number of channels: logs, and states of executions."""

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import urlsplit

from litestar import asgi
from litestar.types import Receive, Scope, Send

from onward.contract.errors import (
    BadRequest,
    InvalidBody,
    InvalidParameter,
    OnwardError,
    Unauthorized,
)
from onward.http.answer import refuse_socket
from onward.http.auth import PUBLIC, until_revoked
from onward.http.call import Call, Principal, call_of
from onward_log_relay import messages as m
from onward_log_relay.channels import check_channel, show_board, tell_events
from onward_log_relay.clients import (
    Restarting,
    SlowClient,
    at_pace,
    first_of,
    let_speak,
    until_closing,
)
from onward_log_relay.reader import End, Reader
from onward_log_relay.relay import Relay, relay_of
from onward_log_relay.selection import Selection

FIRST_MESSAGE_SECONDS = 10.0
MOST_CHANNELS = 64
CLOSE = {SlowClient: 4008, Unauthorized: 4401, Restarting: 1012}

log = logging.getLogger(__name__)


class ForeignOrigin(OnwardError):
    """This web page may not open a WebSocket here."""

    code = "foreign_origin"
    status = 403


class _Left(Exception):
    """The client closed the socket."""


@asgi(["/api/v1/ws", "/ws"], opt={PUBLIC: True}, copy_scope=False)
async def websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Serves one client for as long as it stays; its first message may bring the key."""
    if str(scope["type"]) != "websocket":
        raise BadRequest("this address speaks WebSocket", fix="open it with a WebSocket client")
    relay, call = relay_of(scope), call_of(scope)
    await receive()
    relay.load.in_flight += 1  # which parking takes back
    try:
        _check_origin(call, relay.settings.origins)
        authorization = call.headers.get(b"authorization")
        principal = None if authorization is None else relay.keys.verify(authorization)
        with relay.load.parking():
            await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
            await Session(relay, scope, receive, send).live(principal, authorization)
    except OnwardError as error:
        await refuse_socket(scope, send, error)
    finally:
        relay.load.in_flight -= 1


class Session:
    """One socket and its channels."""

    def __init__(self, relay: Relay, scope: Any, receive: Any, send: Any) -> None:
        self._relay, self._scope, self._receive, self._send = relay, scope, receive, send
        self._paced = at_pace(send, relay.settings.stall_seconds)
        self._turn = asyncio.Lock()
        self._channels: dict[str, asyncio.Task[None]] = {}
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._project = ""

    async def live(self, principal: Principal | None, authorization: bytes | None) -> None:
        """Until the client leaves, or has to."""
        try:
            if principal is None:
                principal, authorization = await self._first_message()
            self._project = principal.project
            await self._say(m.said("ready", project=principal.project))
            await first_of(
                self._listen(),
                self._broken,
                until_closing(self._relay.closing),
                until_revoked(self._relay.keys, authorization),
            )
        except _Left:
            return
        except OnwardError as error:
            await self._close(error)
        finally:
            for task in self._channels.values():
                task.cancel()
            await asyncio.gather(*self._channels.values(), return_exceptions=True)

    async def _first_message(self) -> tuple[Principal, bytes]:
        try:
            async with asyncio.timeout(FIRST_MESSAGE_SECONDS):
                first = await self._next()
        except TimeoutError:
            raise Unauthorized("no key came with the first message") from None
        except InvalidBody as error:
            raise Unauthorized(f"the first message must bring the key: {error}") from None
        if not isinstance(first, m.Authenticate):
            raise Unauthorized('the first message must be {"type": "authenticate", "key": "ow_…"}')
        authorization = b"Bearer " + first.key.encode(errors="replace")
        return self._relay.keys.verify(authorization), authorization

    async def _next(self) -> m.Asked:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise _Left
        if message.get("text") is None:
            raise InvalidBody("a binary message", fix="send JSON as text")
        return m.asked(message["text"])

    async def _listen(self) -> None:
        while True:
            try:
                asked = await self._next()
            except InvalidBody as error:
                await self._say(m.refused(None, error))
                continue
            match asked:
                case m.Subscribe():
                    await self._subscribe(asked)
                case m.Unsubscribe(id=name):
                    await self._unsubscribe(name)
                case m.Ping():
                    await self._say(m.said("pong"))
                case m.Authenticate():
                    await self._say(m.refused(None, InvalidBody("this socket has its key already")))

    async def _subscribe(self, asked: m.Subscribe) -> None:
        try:
            self._check(asked)
        except OnwardError as error:
            await self._say(m.refused(asked.name, error))
            return
        task = asyncio.get_running_loop().create_task(self._channel(asked))
        self._channels[asked.name] = task

    def _check(self, asked: m.Subscribe) -> None:
        if asked.name in self._channels:
            raise InvalidParameter(
                f"channel {asked.name!r} is open", fix="unsubscribe first, or use another id"
            )
        if len(self._channels) >= MOST_CHANNELS:
            raise InvalidParameter(
                f"a socket has at most {MOST_CHANNELS} channels", fix="open another socket"
            )
        check_channel(asked)
        if asked.after is not None and asked.tail is not None:
            raise InvalidParameter("after and tail exclude each other", fix="leave one of them out")

    async def _unsubscribe(self, name: str) -> None:
        task = self._channels.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._say(m.said("unsubscribed", id=name))

    async def _channel(self, asked: m.Subscribe) -> None:
        try:
            match asked.channel:
                case "log":
                    await self._log(asked, str(asked.execution_id))
                case "execution":
                    await self._execution(asked, str(asked.execution_id))
                case "events":
                    await tell_events(self._relay, self._project, asked, self._say)
                case "board":
                    await show_board(self._relay, self._project, asked, self._say)
        except SlowClient as error:
            self._break(error)
        except OnwardError as error:
            with contextlib.suppress(SlowClient):
                await self._say(m.refused(asked.name, error))
        except Exception as error:
            log.exception("channel %s broke", asked.name)
            self._break(error)
        finally:
            if self._channels.get(asked.name) is asyncio.current_task():
                del self._channels[asked.name]

    async def _log(self, asked: m.Subscribe, execution_id: str) -> None:
        selection = Selection(asked.level, asked.grep)
        history = self._relay.history(self._project, execution_id)
        async with self._relay.watches.of(self._project, execution_id) as watch:
            watch.follow_log()
            after = asked.after or 0 if asked.tail is None else await history.tail(selection, asked.tail)
            await self._say(m.said("subscribed", id=asked.name, after=after))
            reader = Reader(history, selection, after, watch)
            while not isinstance(item := await reader.next(), End):
                if item is not None:
                    await self._say(m.lines(asked.name, item.array()))
                    self._relay.sent.add(item.count, via="socket")
            status = watch.execution.status.value
        await self._say(m.said("end", id=asked.name, status=status, last_line=item.last_line))

    async def _execution(self, asked: m.Subscribe, execution_id: str) -> None:
        async with self._relay.watches.of(self._project, execution_id) as watch:
            await self._say(m.said("subscribed", id=asked.name))
            shown = 0
            while True:
                changed = watch.changed
                if watch.execution.n > shown:
                    shown = watch.execution.n
                    await self._say(m.execution(asked.name, watch.view()))
                await changed.wait()

    async def _say(self, text: str) -> None:
        async with self._turn:
            await self._paced({"type": "websocket.send", "text": text})

    def _break(self, error: Exception) -> None:
        if not self._broken.done():
            self._broken.set_exception(error)

    async def _close(self, error: OnwardError) -> None:
        if isinstance(error, SlowClient):
            self._relay.slow.add(via="socket")
            let_speak(self._scope)
        code = CLOSE.get(type(error), 1011)
        with contextlib.suppress(SlowClient):
            await at_pace(self._send, 1.0)({"type": "websocket.close", "code": code, "reason": error.code})


def _check_origin(call: Call, allowed: tuple[str, ...]) -> None:
    """Raises ForeignOrigin where a browser says that a page from elsewhere opens this."""
    origin = call.headers.get(b"origin", b"").decode("latin-1")
    if not origin or origin in allowed:
        return
    here = {call.headers.get(name, b"").decode("latin-1") for name in (b"host", b"x-forwarded-host")}
    if urlsplit(origin).netloc not in here - {""}:
        raise ForeignOrigin(f"a page of {origin[:100]} may not open this", fix="add it to ONWARD_ORIGINS")
