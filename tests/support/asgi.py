"""An ASGI application called without a server: requests, streams that are still open, and WebSockets."""

import asyncio
import json
from urllib.parse import urlsplit

from onward_log_relay.clients import LAST_WORD


def scope_of(kind, url, headers, extensions):
    parts = urlsplit(url)
    listed = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    return {
        "type": kind, "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
        "scheme": "http" if kind == "http" else "ws", "path": parts.path, "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(), "root_path": "", "headers": listed, "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80), "subprotocols": [], "state": {}, "extensions": extensions,
    }  # fmt: skip


class Request:
    """One GET, running; `status`, `headers` and `body` are what came so far."""

    def __init__(self, app, url, headers=None):
        self.status, self.headers, self.body, self.complete = 0, {}, b"", False
        self.reading = asyncio.Event()
        self.reading.set()
        self._news = asyncio.Event()
        self._left = asyncio.Event()
        self._scope = scope = scope_of("http", url, headers, {})
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))
        self.task.add_done_callback(lambda _: self._news.set())

    async def _receive(self):
        if not self.status and not self._left.is_set() and not getattr(self, "_asked", False):
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.reading.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")
            self.complete = not message.get("more_body", False)
        self._news.set()

    async def until(self, condition):
        async with asyncio.timeout(40):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def done(self):
        async with asyncio.timeout(40):
            await self.task
        return self

    def leave(self):
        self._left.set()

    def on_last_word(self, call):
        """What the server does to get one more message through to who does not read."""
        self._scope["extensions"][LAST_WORD] = call

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def ndjson(self):
        return [json.loads(line) for line in self.body.decode().splitlines()]


class WebSocket:
    """One WebSocket; `said` is what came, `code` the close code or the HTTP status of a refusal."""

    def __init__(self, app, url, headers=None):
        self.said, self.code, self.accepted = [], None, False
        self.reading = asyncio.Event()
        self.reading.set()
        self._inbox = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._news = asyncio.Event()
        scope = self._scope = scope_of("websocket", url, headers, {"websocket.http.response": {}})
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))
        self.task.add_done_callback(lambda _: self._news.set())

    async def _receive(self):
        return await self._inbox.get()

    async def _send(self, message):
        await self.reading.wait()
        match message["type"]:
            case "websocket.accept":
                self.accepted = True
            case "websocket.send":
                self.said.append(json.loads(message["text"]))
            case "websocket.close":
                self.code = message["code"]
            case "websocket.http.response.start":
                self.code = message["status"]
        self._news.set()

    def say(self, **message):
        self._inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def say_text(self, text):
        self._inbox.put_nowait({"type": "websocket.receive", "text": text})

    def on_last_word(self, call):
        """As for a request."""
        self._scope["extensions"][LAST_WORD] = call

    def leave(self):
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def until(self, condition):
        async with asyncio.timeout(40):
            while not condition(self):
                assert not self.task.done() or condition(self), (self.said, self.code, self.task)
                self._news.clear()
                await self._news.wait()

    async def next(self, type):
        """The next message of this type; those before it are passed over."""
        await self.until(lambda s: any(m["type"] == type for m in s.said))
        while (message := self.said.pop(0))["type"] != type:
            pass
        return message

    async def ended(self):
        async with asyncio.timeout(40):
            await self.task
        return self
