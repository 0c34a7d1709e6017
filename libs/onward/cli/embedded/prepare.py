"""What has to be in NATS before the services start: the streams, and the API key."""

import contextlib
import logging

import msgspec

from onward.contract.errors import FenceLost
from onward.contract.submission import KeySpec

log = logging.getLogger(__name__)


async def prepare_nats(nats_url: str, key: KeySpec, *, alone: bool) -> None:
    """Makes the streams that are not there, and registers the API key if it is new.

    `alone`: the server is ours and nobody else is connected yet, so what a power cut tore can be mended.
    """
    from onward.bus import config, topology
    from onward.bus.bus import open_bus
    from onward.bus.torn import mend_end

    bus = await open_bus(nats_url, "onward-up", _closed)
    try:
        await topology.ensure(bus.connection, replicas=1)
        if alone and (torn := await mend_end(bus.connection)):
            log.warning("%d events of a decision that no caller was told of are taken back", len(torn))
        # Known already: then it stays as it is, also if somebody has revoked it.
        with contextlib.suppress(FenceLost):
            await config.put(bus.connection, key.project, "key", key.id, msgspec.json.encode(key), 0)
    finally:
        await bus.close()


def _closed() -> None:
    """Nothing else depends on this connection: a request that needs it fails by itself."""
