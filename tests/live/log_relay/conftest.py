"""A relay over the real bus, served by uvicorn in this process on a free port; and executions to log into."""

import asyncio
import os
import time
from datetime import UTC, datetime

import aiohttp
import pytest

from onward.contract import ids
from onward.contract import lines as li
from onward.http.auth import new_key
from onward.worker.logs import LineWriter
from onward_log_relay.app import create_app
from onward_log_relay.server import server
from tests.live.log_relay.process import RelayProcess
from tests.support.log_relay import NOON, Life, relay_over


class Served:
    """A relay and where it listens."""

    def __init__(self, relay, http, key):
        self.relay, self.http, self.key = relay, http, key
        self.auth = {"Authorization": f"Bearer {key}"}

    @property
    def port(self):
        return self.http.servers[0].sockets[0].getsockname()[1]

    def url(self, execution_id, query=""):
        return f"http://127.0.0.1:{self.port}/api/v1/executions/{execution_id}/logs{query}"

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}/api/v1/ws"


@pytest.fixture
async def serve(bus, project):
    """Starts a relay; stops all at the end."""
    key, spec = new_key(project, now=NOON)
    running = []

    async def start(**settings):
        relay = relay_over(
            bus, find_key=lambda p, i: spec if (p, i) == (project, spec.id) else None, **settings
        )
        http = server(create_app(relay), relay.settings)
        running.append((relay, http, asyncio.ensure_future(http.listen())))
        async with asyncio.timeout(40):
            while not http.started:
                await asyncio.sleep(0.01)
        return Served(relay, http, key)

    yield start
    for relay, http, serving in running:
        relay.closing.set()
        http.should_exit = True
        await serving


@pytest.fixture
async def served(serve):
    return await serve()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


class Logged:
    """A running execution, and the log that it has."""

    def __init__(self, bus, project, life):
        self.bus, self.project, self.id, self.life = bus, project, life.execution_id, life

    def writer(self, *, attempt=1, worker="w1", **options):
        """A worker's writer of its log."""
        return LineWriter(
            self.bus.lines, self.project, self.id, attempt, worker, lambda: datetime.now(UTC), **options
        )

    async def finish(self, to):
        """End the log, then the execution."""
        assert await to.close(30)
        await self.life.completed()

    async def stored(self):
        """All lines in the store, each as it is stored there."""
        lines, after = [], 0
        while raws := await self.bus.lines.read(self.project, self.id, after=after):
            for raw in raws:
                head, after = li.head(raw.data), raw.sequence
                assert head.first == len(lines) + 1
                lines += [bytes(line) for line in li.each_of(head)]
        return lines


async def running(bus, project):
    """A new execution that some worker has claimed."""
    execution_id = ids.new_id(time.time_ns() // 1_000_000, os.urandom(10))
    return Logged(bus, project, await (await Life(bus, execution_id, project).submitted()).started())


@pytest.fixture
async def execution(bus, project):
    """A running execution."""
    return await running(bus, project)


@pytest.fixture
def process_on(tmp_path):
    """Makes relays that are processes; none is left behind."""
    made = []

    def make(server, **settings):
        made.append(RelayProcess(server.url, tmp_path, **settings))
        return made[-1]

    yield make
    for relay in made:
        assert relay.stop() == 0, relay.log()
