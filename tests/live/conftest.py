"""One real nats-server for all live tests of a run, with Onward's streams; each test has a project of its own."""

import uuid

import pytest

from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.topology import ensure
from tests.support.nats_server import NatsServer, one_server


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory):
    """A server that fsyncs each write, with the accounts APP and SYS. Not to be stopped: it is everybody's."""
    with one_server(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
async def connection(nats_server: NatsServer):
    """A connection to it."""
    ended = []
    connection = await connect(nats_server.url, "test", on_closed=lambda: ended.append(True))
    yield connection
    await connection.close()
    assert not ended, "the server has closed the connection"


@pytest.fixture
async def bus(connection):
    """The bus, with all streams made."""
    await ensure(connection)
    bus = Bus(connection)
    yield bus
    await bus.config.close()
    bus.events.close()


@pytest.fixture
def project() -> str:
    """A project that no other test uses."""
    return "p" + uuid.uuid4().hex[:12]
