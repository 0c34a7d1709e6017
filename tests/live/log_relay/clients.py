"""Readers of logs that lose their connection, and a writer that never stops for them."""

import asyncio
import json
import random
from datetime import UTC, datetime

import aiohttp
import websockets

NDJSON = {"Accept": "application/x-ndjson"}


async def write(to, count, *, first=0, pause=0.0):
    """`count` lines of uneven length, from a thread, as a `def` task prints them."""
    rand = random.Random(first)

    def work():
        for i in range(first, first + count):
            to.write("info", "stdout", f"{i} " + "ä" * rand.randrange(0, 60))

    await asyncio.to_thread(work)
    await asyncio.sleep(pause)


class NdjsonReader:
    """Follows a log over HTTP; its connection breaks after so many lines each, and it goes on where it was."""

    def __init__(self, session, served, execution_id, breaks=()):
        self.session, self.served, self.execution_id = session, served, execution_id
        self.breaks = list(breaks)
        self.raws, self.last, self.end, self.connections = [], 0, None, 0
        self.delays = []
        """Seconds from write to read, of every 50th line."""

    async def read(self):
        while self.end is None:
            try:
                await self._once()
            except (aiohttp.ClientError, ConnectionError):
                await asyncio.sleep(0.02)
        return self

    async def _once(self):
        url = self.served.url(self.execution_id, f"?follow=true&after={self.last}")
        breaks_at = len(self.raws) + self.breaks.pop(0) if self.breaks else None
        async with self.session.get(url, headers={**self.served.auth, **NDJSON}) as answer:
            if answer.status >= 500:
                raise aiohttp.ClientError(answer.status)
            assert answer.status == 200, await answer.text()
            self.connections += 1
            async for raw in answer.content:
                line = json.loads(raw) if raw.endswith(b"\n") and raw.strip() else {}
                if "line" in line:
                    assert line["line"] == self.last + 1
                    self.raws.append(raw.rstrip(b"\n"))
                    self.last = line["line"]
                    if self.last % 50 == 1:
                        self.delays.append(
                            (datetime.now(UTC) - datetime.fromisoformat(line["time"])).total_seconds()
                        )
                elif line.get("end"):
                    self.end = line
                if breaks_at is not None and len(self.raws) >= breaks_at:
                    answer.connection.transport.abort()
                    return


class SocketReader:
    """Follows a log over a WebSocket, and loses it as often."""

    def __init__(self, served, execution_id, breaks=()):
        self.served, self.execution_id, self.breaks = served, execution_id, list(breaks)
        self.lines, self.last, self.end, self.connections = [], 0, None, 0

    async def read(self):
        while self.end is None:
            try:
                await self._once()
            except websockets.InvalidStatus as refused:
                if refused.response.status_code != 503:  # it has just started, and knows no keys yet
                    raise
                await asyncio.sleep(0.02)
            except (websockets.ConnectionClosed, websockets.InvalidMessage, ConnectionError):
                await asyncio.sleep(0.02)
        return self

    async def _once(self):
        breaks_at = len(self.lines) + self.breaks.pop(0) if self.breaks else None
        async with websockets.connect(
            self.served.ws, additional_headers=self.served.auth, max_size=None
        ) as socket:
            self.connections += 1
            subscribe = {
                "type": "subscribe",
                "channel": "log",
                "execution_id": self.execution_id,
                "after": self.last,
            }
            await socket.send(json.dumps(subscribe))
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "lines":
                    for line in message["lines"]:
                        assert line["line"] == self.last + 1
                        self.last = line["line"]
                    self.lines += message["lines"]
                elif message["type"] == "end":
                    self.end = message
                    return
                if breaks_at is not None and len(self.lines) >= breaks_at:
                    socket.transport.abort()
                    return
