"""One gateway process for all tests of this folder; each test has a project and a key of its own."""

import aiohttp
import pytest

from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.topology import ensure
from tests.live.gateway.process import GatewayProcess, new_caller
from tests.support.nats_server import one_server


@pytest.fixture(scope="session")
def gateway_process(nats_server, tmp_path_factory):
    """Started at the first use; it waits by itself until the streams are there."""
    gateway = GatewayProcess(nats_server, tmp_path_factory.mktemp("gateway"))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0, gateway.log()


@pytest.fixture
async def gateway(gateway_process, bus):
    await gateway_process.ready()
    return gateway_process


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        yield session


@pytest.fixture
async def caller(bus, gateway, session, project):
    return await new_caller(bus, gateway, session, project)


@pytest.fixture
def own_server(tmp_path):
    """A nats-server that this test may stop."""
    with one_server(tmp_path) as server:
        yield server


@pytest.fixture
async def own_bus(own_server):
    """A bus on it, with all streams made."""
    connection = await connect(own_server.url, "test", on_closed=lambda: None)
    await ensure(connection)
    bus = Bus(connection)
    yield bus
    await bus.close()
