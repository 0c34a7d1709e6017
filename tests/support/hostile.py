"""Settings that nobody would choose, and somebody who gives hints back while they are worked on.

With ONWARD_HOSTILE=1 every journey's installation is run so. What a test says itself goes first.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import msgspec

from onward.bus.api import call
from onward.bus.bus import open_bus
from onward.contract import subjects
from tests.support.nats_server import NatsCluster

SETTINGS = {"ONWARD_BATCH": "1", "ONWARD_READERS": "2", "ONWARD_ACK_WAIT": "1"}
"""One event a transaction, two connections for all questions, workers that know of a lease of a second."""


def asked_for() -> bool:
    """Whether all installations are to be run so."""
    return os.environ.get("ONWARD_HOSTILE") == "1"


def program(module: str) -> list[str]:
    """What `python -m` is to run for a service."""
    return ["tests.support.hostile_program", module] if asked_for() else [module]


async def set_leases(urls: str, ack_wait: float, queue: str = "default") -> None:
    """Let the queue wait for signs of life as long as the workers of this test believe."""
    bus = await open_bus(urls, "test", lambda: None)
    for cls in subjects.CLASSES:
        name = subjects.consumer("default", queue, cls)
        config = (await call(bus.connection, f"CONSUMER.INFO.{subjects.WORK}.{name}", {}))["config"]
        body = {
            "stream_name": subjects.WORK,
            "action": "update",
            "config": config | {"ack_wait": int(ack_wait * 1e9)},
        }
        await call(bus.connection, f"CONSUMER.CREATE.{subjects.WORK}.{name}", body)
    await bus.close()


class Nagger:
    """After each event of an execution its hint is given back, whoever has it: it is delivered again and again."""

    def __init__(self) -> None:
        self.given_back = 0
        self._held: dict[str, str] = {}

    async def listen(self, cluster: NatsCluster) -> "asyncio.Future[None]":
        """Until the future is cancelled."""
        bus = await open_bus(cluster.urls, "nagger", lambda: None)

        async def heard(_subject: str, data: bytes) -> None:
            event = msgspec.json.decode(data)
            if event["type"] == "started":
                self._held[event["execution_id"]] = event["ack_subject"]
            if (ack_subject := self._held.get(event["execution_id"])) is not None:
                self.given_back += 1
                await bus.messages.publish(ack_subject, b"-NAK")

        await bus.messages.subscribe("onward.live.>", heard)

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await bus.close()

        return asyncio.ensure_future(wait())


@contextlib.asynccontextmanager
async def nagging(cluster: NatsCluster) -> AsyncIterator[Nagger]:
    """While this lasts no hint stays where it is."""
    nagger = Nagger()
    listening = await nagger.listen(cluster)
    try:
        yield nagger
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
