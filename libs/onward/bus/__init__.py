"""The log, the work queue and requests over NATS, and the only importer of nats; imported by tasks upward."""

import sys

if "aiohttp" not in sys.modules:
    # nats-py loads it for WebSockets, which nobody here speaks: 11 MiB for each process that needs it for nothing else.
    sys.modules["aiohttp"] = None  # type: ignore[assignment]
    try:
        import nats.aio.transport  # noqa: F401
    finally:
        del sys.modules["aiohttp"]
