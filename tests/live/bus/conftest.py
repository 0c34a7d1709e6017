"""A second process' bus, and one whose wire can be cut."""

import pytest

from onward.bus.bus import Bus, open_bus
from tests.live.bus.proxy import proxy_to


@pytest.fixture
async def other(nats_server, bus):
    """The bus of another process."""
    other = await open_bus(nats_server.url, "other", lambda: None)
    yield other
    await other.close()


@pytest.fixture
async def wire(nats_server):
    """A wire to the server that can be cut."""
    async with proxy_to(nats_server.url) as wire:
        yield wire


@pytest.fixture
async def far(bus, wire) -> Bus:
    """A bus at the other end of `wire`."""
    far = await open_bus(wire.url, "far", lambda: None)
    yield far
    await far.close()
