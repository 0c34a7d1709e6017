"""How often the servers flush for one no-op and for one step, counted by strace: figures of time mean nothing here."""

import asyncio
import signal
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from bench.client import Client
from bench.processes import family

NOOPS = STEPS = 50
_CALLS = ("fsync", "fdatasync")
_ATTACHED = 1.0


async def flushes(client: Client, _count: int) -> dict[str, Any]:
    """One execution at a time; what an idle installation flushes meanwhile is taken off."""
    await _noops(client)
    noop = await _more_than_idle(client, _noops(client)) / NOOPS
    step = await _more_than_idle(client, client.call("steps", {"count": STEPS})) / STEPS
    return {"fsyncs_per_noop": round(noop, 2), "fsyncs_per_step": round(step, 2)}


async def _noops(client: Client) -> None:
    for _ in range(NOOPS):
        await client.call("noop")


async def _more_than_idle(client: Client, work: Awaitable[Any]) -> int:
    begun = time.monotonic()
    calls = await _counted(client, work)
    return calls - await _counted(client, asyncio.sleep(time.monotonic() - begun - _ATTACHED))


async def _counted(client: Client, work: Awaitable[Any]) -> int:
    pids = client.platform.up["pids"]
    servers = sorted(family([pids["nats"], pids["postgres"]]))
    with NamedTemporaryFile() as file:
        attached = [word for pid in servers for word in ("-p", str(pid))]
        options = ["-f", "-c", "-e", f"trace={','.join(_CALLS)}", "-o", file.name, *attached]
        tracer = await asyncio.create_subprocess_exec("strace", *options, stderr=DEVNULL)
        await asyncio.sleep(_ATTACHED)
        await work
        tracer.send_signal(signal.SIGINT)
        await tracer.wait()
        rows = [line.split() for line in Path(file.name).read_text().splitlines()]
    return sum(int(row[3]) for row in rows if row and row[-1] in _CALLS)
