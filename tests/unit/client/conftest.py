import pytest

from onward.client import Client
from tests.unit.client.fake_gateway import KEY, fake_gateway


@pytest.fixture
def gateway():
    with fake_gateway() as running:
        yield running


@pytest.fixture
def client(gateway):
    with Client(gateway.url, KEY) as connected:
        yield connected
