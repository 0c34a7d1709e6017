"""What has to be in NATS before the services start: the streams, and the API key."""

import contextlib

import msgspec

from onward.contract.errors import FenceLost
from onward.contract.submission import KeySpec


async def prepare_nats(nats_url: str, key: KeySpec) -> None:
    """Makes the streams that are not there, and registers the API key if it is new."""
    from onward.bus import config, topology
    from onward.bus.bus import open_bus

    bus = await open_bus(nats_url, "onward-up", _closed)
    try:
        await topology.ensure(bus.connection, replicas=1)
        # Known already: then it stays as it is, also if somebody has revoked it.
        with contextlib.suppress(FenceLost):
            await config.put(bus.connection, key.project, "key", key.id, msgspec.json.encode(key), 0)
    finally:
        await bus.close()


def _closed() -> None:
    """Nothing else depends on this connection: a request that needs it fails by itself."""
