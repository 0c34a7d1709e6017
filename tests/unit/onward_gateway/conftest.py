"""The gateway in memory."""

import pytest

from tests.unit.onward_gateway.door import House


@pytest.fixture
async def house():
    house = House()
    await house.state.start()
    yield house
    await house.state.stop()
    await house.gateway.relay.close()
