"""The two implementations of the ports, and what a test may do to their world beyond the ports."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from random import Random

import pytest

from onward.contract import subjects
from onward.testing.bus import MemoryBus
from tests.support.builders import PROJECT

ACK_WAIT = 1.0
QUEUES = ("default", "gpu")


class Memory:
    """onward.testing, on the real event loop."""

    name = "memory"
    project = PROJECT

    def __init__(self) -> None:
        self.bus = MemoryBus(Random(7), ack_wait=ACK_WAIT)
        self._names = 0

    async def connect(self):
        self._names += 1
        return self.bus.process(f"process-{self._names}")

    async def purge(self, upto: int) -> None:
        self.bus.events.purge(upto)

    async def last(self) -> int:
        return self.bus.events.last

    async def keep_time(self, event, sequence: int) -> None:
        """The bus in memory keeps time by itself."""

    async def close(self) -> None:
        return


class Nats:
    """onward.bus, on a real server."""

    name = "nats"

    def __init__(self, server) -> None:
        self._server, self.project = server, "p" + uuid.uuid4().hex[:12]
        self._buses = []

    async def start(self) -> None:
        from onward.bus.topology import ensure, ensure_queue, warm

        self._admin = await self.connect()
        await ensure(self._admin.connection)
        await warm(self._admin.connection)
        for queue in QUEUES:
            await ensure_queue(self._admin.connection, self.project, queue, ack_wait=ACK_WAIT)

    async def connect(self):
        from onward.bus.bus import open_bus

        bus = await open_bus(self._server.url, "conformance", lambda: None)
        self._buses.append(bus)
        return bus

    async def purge(self, upto: int) -> None:
        from onward.bus.api import call

        await call(self._admin.connection, f"STREAM.PURGE.{subjects.EVENTS}", {"seq": upto + 1})

    async def last(self) -> int:
        from onward.bus.topology import info

        return (await info(self._admin.connection, subjects.EVENTS))["state"]["last_seq"]

    async def keep_time(self, event, sequence: int) -> None:
        from onward.bus.timers import schedule

        assert await schedule(self._admin.connection, event, sequence)

    async def publish_garbage(self) -> None:
        subject = subjects.hint(self.project, "default.normal", "not-an-id")
        await self._admin.connection.request(subject, b"garbage")

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()


@pytest.fixture(scope="session")
def own_server(tmp_path_factory):
    from tests.support.nats_server import one_server

    with one_server(tmp_path_factory.mktemp("conformance")) as server:
        yield server


@pytest.fixture(params=["memory", pytest.param("nats", marks=pytest.mark.live)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[Memory | Nats]:
    """Each test runs in both worlds."""
    if request.param == "memory":
        made: Memory | Nats = Memory()
    else:
        made = Nats(request.getfixturevalue("own_server"))
        await made.start()
    yield made
    await made.close()


@pytest.fixture
async def port(world):
    """One process' ports: events, lines, messages, hints(project, queues)."""
    return await world.connect()


@pytest.fixture
async def other(world):
    """Another process' ports."""
    return await world.connect()


@pytest.fixture
async def hints(world, port):
    """The queue as a worker of `default` sees it."""
    source = port.hints(world.project, ["default"])
    yield source
    await source.close()


@pytest.fixture
async def others_hints(world, other):
    """The same queue, as another worker sees it."""
    source = other.hints(world.project, ["default"])
    yield source
    await source.close()


async def within(seconds: float, awaitable):
    async with asyncio.timeout(seconds):
        return await awaitable
