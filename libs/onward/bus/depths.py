"""How much waits in WORK: what the consumers of queues say about themselves."""

import asyncio
from collections.abc import Iterable

import msgspec

from onward.bus.api import NOT_FOUND_CONSUMER, NOT_FOUND_STREAM, Refused, call
from onward.bus.connection import Connection
from onward.contract import subjects


class Depth(msgspec.Struct, frozen=True):
    """One priority class of a queue: hints that nobody took, and hints that some worker holds."""

    waiting: int
    held: int


async def depths(connection: Connection, project: str, queues: Iterable[str]) -> dict[tuple[str, str], Depth]:
    """The depth of each of these queues that exists, by queue and class. Raises Unavailable."""
    asked = [(queue, cls) for queue in queues for cls in subjects.CLASSES]
    found = await asyncio.gather(*(_depth(connection, project, queue, cls) for queue, cls in asked))
    return {place: depth for place, depth in zip(asked, found, strict=True) if depth is not None}


async def _depth(connection: Connection, project: str, queue: str, cls: str) -> Depth | None:
    consumer = subjects.consumer(project, queue, cls)
    try:
        info = await call(connection, f"CONSUMER.INFO.{subjects.WORK}.{consumer}")
    except Refused as refused:
        if refused.number in {NOT_FOUND_CONSUMER, NOT_FOUND_STREAM}:
            return None
        raise
    return Depth(waiting=int(info["num_pending"]), held=int(info["num_ack_pending"]))
