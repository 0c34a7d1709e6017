"""A log as the streamed body of an HTTP answer: read no faster than the client takes it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from onward.contract.errors import OnwardError
from onward.http.auth import until_revoked
from onward.http.call import call_of
from onward_log_relay.clients import SlowClient, at_pace, first_of, let_speak, until_closing
from onward_log_relay.formats import Format
from onward_log_relay.reader import End, Reader
from onward_log_relay.relay import Relay
from onward_log_relay.selection import Selection
from onward_log_relay.watch import Watch

IDLE_SECONDS = 15.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of which log, and whether to wait for more."""

    project: str
    execution_id: str
    selection: Selection
    after: int = 0
    tail: int | None = None
    limit: int | None = None
    follow: bool = False


class LogStream:
    """The answer; a plain ASGI application."""

    def __init__(self, relay: Relay, wanted: Wanted, format: Format) -> None:
        self._relay, self._wanted, self._format = relay, wanted, format
        self._watch: Watch | None = None
        self._status: str | None = None
        self._reached = wanted.after

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Streams until the log ends, the client leaves, or either has to stop."""
        paced = at_pace(send, self._relay.settings.stall_seconds)
        authorization = call_of(scope).headers.get(b"authorization")
        with self._relay.load.parking():
            async with self._opened() as reader:
                headers = [
                    (b"content-type", self._format.media_type),
                    (b"cache-control", b"no-store"),
                    (b"x-content-type-options", b"nosniff"),
                    (b"x-accel-buffering", b"no"),
                ]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                try:
                    await first_of(
                        self._pump(reader, paced),
                        _gone(receive),
                        until_closing(self._relay.closing),
                        until_revoked(self._relay.keys, authorization),
                    )
                except OnwardError as error:
                    await self._cut(scope, send, error)

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Reader]:
        """The reader, and what it reads from. Raises NotFound, Unavailable."""
        w = self._wanted
        history = self._relay.history(w.project, w.execution_id)
        async with contextlib.AsyncExitStack() as stack:
            if w.follow:
                watch = await stack.enter_async_context(self._relay.watches.of(w.project, w.execution_id))
                watch.follow_log()
                self._watch = watch
            else:
                execution = await self._relay.execution(w.project, w.execution_id)
                self._status = None if execution is None else execution.status.value
            if w.tail is not None:
                self._reached = await history.tail(w.selection, w.tail)
            yield Reader(history, w.selection, self._reached, self._watch)

    async def _pump(self, reader: Reader, send: Any) -> None:
        left = self._wanted.limit
        while left is None or left > 0:
            item = await reader.next(IDLE_SECONDS)
            if isinstance(item, End):
                await self._end(item, send)
                return
            if item is None:
                body = self._format.idle()
            else:
                picked = item if left is None else item.at_most(left)
                body = self._format.lines(picked)
                left = None if left is None else left - picked.count
                self._relay.sent.add(picked.count, via="http")
            if body:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            self._reached = reader.line
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _end(self, end: End, send: Any) -> None:
        if self._watch is not None:
            self._status = self._watch.execution.status.value
        told = self._wanted.follow or self._format.media_type.startswith(b"text/event-stream")
        body = self._format.end(self._status, end.last_line) if told else b""
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _cut(self, scope: Any, send: Any, error: OnwardError) -> None:
        """The last line says that this is not the whole, and where to go on."""
        if isinstance(error, SlowClient):
            self._relay.slow.add(via="http")
            let_speak(scope)
        body = self._format.cut(error, self._reached)
        with contextlib.suppress(SlowClient):
            await at_pace(send, 1.0)({"type": "http.response.body", "body": body, "more_body": False})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
