"""What the bus costs and carries: `python bench/bus.py [seconds]`, against a real nats-server with fsync on.

Prints one line for each figure: appends alone and together, reads, hints, and the CPU that client and server spend.
"""

import argparse
import asyncio
import os
import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "libs")]

import msgspec  # noqa: E402
import uvloop  # noqa: E402

from onward.bus import append  # noqa: E402
from onward.bus.bus import Bus, open_bus  # noqa: E402
from onward.bus.topology import ensure, ensure_queue  # noqa: E402
from onward.contract import decide, ids  # noqa: E402
from onward.contract.decide import Moment  # noqa: E402
from onward.contract.log import Decision  # noqa: E402
from tests.support.nats_server import NatsServer, one_server  # noqa: E402

BODY = msgspec.Raw(b'{"x":1,"padding":"%s"}' % (b"y" * 200))


def new_id() -> str:
    return ids.new_id(int(time.time() * 1000), os.urandom(10))


def creation() -> Decision:
    event = decide.submit(
        execution_id=new_id(), project="bench", moment=Moment(now=datetime.now(UTC), new_id=new_id),
        queue="default", priority=5, run_at=None, task="t", input=BODY,
    )  # fmt: skip
    return Decision(project="bench", execution_id=event.execution_id, expected=0, events=(event,))


class Meter:
    """Rate and CPU of a piece of work."""

    def __init__(self, server: NatsServer) -> None:
        self._server = server
        self._begun = (time.perf_counter(), self._ours(), self._theirs())

    def _ours(self) -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    def _theirs(self) -> float:
        fields = Path(f"/proc/{self._server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def tell(self, what: str, count: int, latencies: list[float] | None = None) -> None:
        begun, ours, theirs = self._begun
        rate = count / (time.perf_counter() - begun)
        mine, his = (self._ours() - ours) / count * 1e6, (self._theirs() - theirs) / count * 1e6
        line = f"{what:42s} {rate:9,.0f}/s   client {mine:6.1f} µs   server {his:6.1f} µs"
        if latencies:
            ordered = sorted(latencies)
            p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
            line += f"   p50 {p50 * 1e3:6.2f} ms   p99 {p99 * 1e3:6.2f} ms"
        print(line, flush=True)


async def appends(bus: Bus, server: NatsServer, what: str, writers: int, seconds: float) -> list[Decision]:
    latencies: list[float] = []
    made: list[Decision] = []
    end = time.perf_counter() + seconds
    meter = Meter(server)

    async def write() -> None:
        while time.perf_counter() < end:
            decision = creation()
            begun = time.perf_counter()
            await bus.events.append(decision)
            latencies.append(time.perf_counter() - begun)
            made.append(decision)

    await asyncio.gather(*(write() for _ in range(writers)))
    meter.tell(what, len(made), latencies)
    return made


async def reads(bus: Bus, server: NatsServer, stored: list[Decision]) -> None:
    latencies = []
    meter = Meter(server)
    for decision in stored[:: max(1, len(stored) // 1000)]:
        begun = time.perf_counter()
        log = await bus.events.read("bench", decision.execution_id, route="default.normal")
        latencies.append(time.perf_counter() - begun)
        assert log is not None
    meter.tell("read a log, one after the other", len(latencies), latencies)


async def hints(bus: Bus, server: NatsServer, slots: int, seconds: float) -> None:
    for _ in range(10):
        await asyncio.gather(*(bus.events.append(creation()) for _ in range(4000)))
    source = bus.hints("bench", ["default"])
    end, done, free, room = time.perf_counter() + seconds, 0, slots, asyncio.Event()
    meter = Meter(server)
    tasks: set[asyncio.Task[None]] = set()

    async def work(hint) -> None:
        nonlocal done, free
        await source.ack(hint)
        done, free = done + 1, free + 1
        room.set()

    while time.perf_counter() < end:
        if not free:
            room.clear()
            await room.wait()
            continue
        try:
            async with asyncio.timeout(1):
                taken = await source.take(free)
        except TimeoutError:
            break
        free -= len(taken)
        for hint in taken:
            task = asyncio.create_task(work(hint))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    meter.tell(f"take and ack hints, {slots} slots", done)
    await source.close()


async def hint_latency(bus: Bus, server: NatsServer) -> None:
    source, latencies = bus.hints("bench", ["quiet"]), []
    await ensure_queue(bus.connection, "bench", "quiet")
    meter = Meter(server)
    for _ in range(300):
        decision = creation()
        event = msgspec.structs.replace(decision.events[0], queue="quiet", wake="quiet.normal")
        begun = time.perf_counter()
        await bus.events.append(msgspec.structs.replace(decision, events=(event,)))
        [hint] = await source.take(10)
        latencies.append(time.perf_counter() - begun)
        await source.ack(hint)
    meter.tell("submit to delivered, idle", len(latencies), latencies)
    await source.close()


async def main(server: NatsServer, seconds: float) -> None:
    bus = await open_bus(server.url, "bench", lambda: None)
    await ensure(bus.connection)
    await ensure_queue(bus.connection, "bench", "default")
    await hint_latency(bus, server)
    stored = await appends(bus, server, "append alone", 1, seconds)
    for writers in (8, 64, 256, 1000):
        stored += await appends(bus, server, f"append, {writers} at once", writers, seconds)
    usual = append.MOST_MEMBERS, append.MOST_OPEN
    append.MOST_MEMBERS, append.MOST_OPEN = 1, 32
    await appends(bus, server, "append, 32 at once, no group commit", 32, seconds)
    append.MOST_MEMBERS, append.MOST_OPEN = usual
    await reads(bus, server, stored)
    for slots in (1, 10, 100, 400):
        await hints(bus, server, slots, seconds)
    await bus.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=2.0, help="how long each figure is taken")
    seconds = parser.parse_args().seconds
    folder = Path(tempfile.mkdtemp())
    try:
        with one_server(folder) as nats:
            uvloop.run(main(nats, seconds))
    finally:
        shutil.rmtree(folder)
