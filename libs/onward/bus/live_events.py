"""All events of EVENTS: replay by direct get, then the live echo, spliced by sequence; no consumer for it."""

import asyncio
import time
from collections.abc import AsyncIterator

from onward.bus.connection import Connection
from onward.bus.lines import LOOK_AGAIN, Live
from onward.bus.pages import ask
from onward.bus.ports import Raw
from onward.contract import subjects
from onward.contract.errors import Unavailable

MOST = 500
LAG_SECONDS = 2.0
"""How long a read may hide what an echo has told of: a follower of the stream, or an old leader, lags."""


async def follow_live(connection: Connection, after: int) -> AsyncIterator[Raw]:
    """Events above sequence `after`, then new ones for ever: gap-free, in order, each once."""
    live = Live(connection, subjects.ECHO_OF_EVENTS)
    try:
        await live.heard_from_here()
        told = after
        while True:
            live.behind = False
            async for raw in _stored(connection, after, told):
                after = raw.sequence
                yield raw
            after = max(after, told)
            while not live.behind:
                echoed, _ = await live.next()
                if echoed is None:
                    break
                if echoed.sequence == after + 1:
                    after = echoed.sequence
                    yield echoed
                elif echoed.sequence > after:
                    told = echoed.sequence
                    break
    finally:
        live.close()


async def _stored(connection: Connection, after: int, told: int) -> AsyncIterator[Raw]:
    """What the stream holds above `after`, up to `told` at least: a hole that stays is one that a purge has made."""
    given_up_at = time.monotonic() + LAG_SECONDS
    while True:
        try:
            found = (await ask(connection, subjects.EVENTS, None, after, MOST).page()).raws
        except Unavailable:
            await connection.wait_connected(LOOK_AGAIN)
            await asyncio.sleep(0.1)
            given_up_at = time.monotonic() + LAG_SECONDS
            continue
        for raw in found:
            after = raw.sequence
            yield raw
        if found:
            continue
        if after >= told or time.monotonic() > given_up_at:
            return
        await asyncio.sleep(0.02)
