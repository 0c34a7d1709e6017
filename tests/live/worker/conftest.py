"""Each test here has a nats-server of its own, since leases and clocks are what it is about."""

import tempfile
from pathlib import Path

import pytest

from tests.live.worker.workers import shop_over
from tests.support.nats_server import one_server

ACK_WAIT = 2.0


@pytest.fixture
def nats_server():
    with tempfile.TemporaryDirectory(prefix="onward-nats-") as folder, one_server(Path(folder)) as server:
        yield server


@pytest.fixture
async def shop(bus, nats_server):
    """Leases of two seconds: who falls silent for so long loses its hint."""
    async with shop_over(bus, nats_server.url, ack_wait=ACK_WAIT) as shop:
        yield shop


@pytest.fixture
async def patient_shop(bus, nats_server):
    """Leases that outlast the test."""
    async with shop_over(bus, nats_server.url, ack_wait=60.0) as shop:
        yield shop
