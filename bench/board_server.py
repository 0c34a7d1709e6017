"""What `bench.board` looks at: the pages' own files, and a WebSocket that says what log_relay says, as fast as told.

2,000 executions of which so many change a second, gathered as log_relay gathers them, and lines for the logs that the
page follows. `GET /happened` is when each change was due, in milliseconds of the wall clock.
"""

import asyncio
import contextlib
import itertools
import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from onward.contract.execution import Execution, Progress, Status
from onward_log_relay import messages as m
from onward_log_relay.channels import GATHER_SECONDS, PART
from onward_log_relay.folding import card_of

UI = Path(__file__).resolve().parents[1] / "services" / "onward_gateway" / "ui"
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html"}
PAGE: dict[str, Any] = {"items": [], "next_cursor": None}
ANSWERS: dict[str, Any] = {
    "/session": {"project": "bench", "actor": "bench", "scope": "admin", "csrf": "x", "expires_at": None},
    "/executions/counts": {
        "pending": {"count": 700, "oldest": None}, "running": {"count": 600, "oldest": None}, "most": 20_000,
    },
    "/analytics/summary": {"figures": {"completed": 1, "failed": 1, "duration": {"p50_ms": 1.0, "p95_ms": 2.0}}},
}  # fmt: skip
LINES_EACH = 0.05
"""Seconds between two messages of one log."""


class Load:
    """The executions, how they change, and when they did."""

    def __init__(self, executions: int) -> None:
        self._rng = random.Random(7)
        self._serial = itertools.count(1)
        self.states = {one.id: one for one in (self._new() for _ in range(executions))}
        self.happened: list[tuple[str, int, float]] = []
        for state in list(self.states.values()):
            for _ in range(self._rng.choice((0, 1, 1, 2))):
                self.states[state.id] = self._next(self.states[state.id])

    def change(self, at: float) -> bytes:
        """One execution goes on, at this second; its card."""
        state = self._next(self.states[self._rng.choice(list(self.states))])
        self.states[state.id] = state
        self.happened.append((state.id, state.n, at * 1000))
        return card_of(state)

    def _new(self) -> Execution:
        now, number = datetime.now(UTC), next(self._serial)
        return Execution(
            id=f"01a20000-0000-7000-8000-{number:012x}", project="bench", n=1, status=Status.PENDING, reason="queued",
            ready=True, task=self._rng.choice(("invoice", "render", "mail")), queue="default", route="default",
            routes=("default",), created_at=now, updated_at=now, labels={"customer": str(number % 50)},
            input=msgspec.Raw(b'{"order":7}'),
        )  # fmt: skip

    def _next(self, s: Execution) -> Execution:
        """Mostly progress; sometimes a claim, an end, or, after an end, the same again."""
        now, n = datetime.now(UTC), s.n + 1
        change = msgspec.structs.replace
        if s.status is Status.PENDING:
            return change(
                s, n=n, status=Status.RUNNING, reason="executing", worker_id="w-07", attempt=1,
                first_started_at=now, updated_at=now,
            )  # fmt: skip
        if s.status is Status.RUNNING:
            done = ((s.progress.fraction or 0) if s.progress else 0) + 0.2
            if done < 1:
                return change(
                    s, n=n, progress=Progress(fraction=done, message=f"rendering page {n}"), updated_at=now
                )
            status = Status.FAILED if self._rng.random() < 0.1 else Status.COMPLETED
            return change(s, n=n, status=status, reason=None, completed_at=now, updated_at=now, progress=None)
        return change(
            s, n=n, status=Status.PENDING, reason="queued", worker_id=None, completed_at=None, created_at=now
        )


class App:
    """One ASGI application for one page."""

    def __init__(self, load: Load, updates: int, lines: int) -> None:
        self._load, self._updates, self._lines = load, updates, lines
        self._going = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """A file, an answer, or the socket."""
        if scope["type"] == "websocket":
            await self._socket(receive, send)
        elif scope["type"] == "http":
            kind, body = self._answer(scope["path"])
            headers = [(b"content-type", kind.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[str, bytes]:
        if path == "/go":
            self._load.happened.clear()
            self._going.set()
        if path == "/happened":
            return "application/json", json.dumps(self._load.happened).encode()
        if path.startswith("/api/v1"):
            return "application/json", json.dumps(ANSWERS.get(path.removeprefix("/api/v1"), PAGE)).encode()
        file = UI / (path.removeprefix("/ui/") if path.startswith("/ui/") else "index.html")
        return TYPES[file.suffix[1:]], file.read_bytes()

    async def _socket(self, receive: Any, send: Any) -> None:
        channels: dict[str, m.Subscribe] = {}
        turn = asyncio.Lock()

        async def say(text: str) -> None:
            async with turn:
                await send({"type": "websocket.send", "text": text})

        await receive()
        await send({"type": "websocket.accept"})
        await say(m.said("ready", project="bench"))
        pushing = [
            asyncio.ensure_future(self._board(channels, say)),
            asyncio.ensure_future(self._logs(channels, say)),
        ]
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                match m.asked(message["text"]):
                    case m.Subscribe() as asked:
                        channels[asked.name] = asked
                        await say(m.said("subscribed", id=asked.name))
                        if asked.channel == "board":
                            await self._snapshot(asked.name, say)
                    case m.Unsubscribe(id=name):
                        channels.pop(name, None)
        finally:
            for one in pushing:
                one.cancel()

    async def _snapshot(self, name: str, say: Any) -> None:
        cards = [card_of(state) for state in self._load.states.values()]
        parts = [cards[at : at + PART] for at in range(0, len(cards), PART)]
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            await say(m.board("snapshot", name, part, position=1, part=number, last=last, complete=True))

    async def _board(self, channels: dict[str, m.Subscribe], say: Any) -> None:
        await self._going.wait()
        due = time.time()
        while True:
            cards: dict[str, bytes] = {}
            until = time.time()
            while due <= until:
                card = self._load.change(due)
                cards[self._load.happened[-1][0]] = card
                due += 1 / self._updates
            for name, asked in list(channels.items()):
                if asked.channel == "board":
                    await say(m.board("changes", name, list(cards.values()), position=1, gone=[]))
            await asyncio.sleep(max(0.0, until + GATHER_SECONDS - time.time()))

    async def _logs(self, channels: dict[str, m.Subscribe], say: Any) -> None:
        await self._going.wait()
        line, due = itertools.count(1), time.time()
        while True:
            await asyncio.sleep(LINES_EACH)
            followed = [name for name, asked in channels.items() if asked.channel == "log"]
            many, due = int((time.time() - due) * self._lines), time.time()
            for at, name in enumerate(followed):
                mine = range(at, many, len(followed))
                if not mine:
                    continue
                said = [
                    {"line": next(line), "time": "2026-01-01T00:00:00Z", "level": "info", "text": f"page {k}"}
                    for k in mine
                ]
                await say(m.lines(name, msgspec.json.encode(said)))


async def serve(port: int, executions: int, updates: int, lines: int) -> None:
    """Until it is stopped."""
    app = App(Load(executions), updates, lines)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        lifespan="off",
        access_log=False,
        log_config=None,
        ws_per_message_deflate=False,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import logging
    import sys

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # what is sent while the page goes away
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(*(int(word) for word in sys.argv[1:5])))
