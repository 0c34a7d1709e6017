"""Logs at their size: many writers, many readers who lose their connections, and a relay that is killed under them."""

import asyncio
import hashlib
import json
import random

import pytest

from tests.live.log_relay.clients import NdjsonReader, SocketReader, write
from tests.live.log_relay.conftest import running

LOGS, LINES, READERS, BREAKS, KILLS = 20, 50_000, 50, 5, 10
PARTS, PAUSE = 100, 1.5
"""Each log is written in so many parts, with a pause after each: some 6,000 lines a second in all."""


class Digest:
    """What a reader got, in its order, without keeping it: each line as it is stored, or the same decoded."""

    def __init__(self):
        self._sum, self._count = hashlib.sha256(), 0

    def __len__(self):
        return self._count

    def __iadd__(self, lines):
        for line in lines:
            self.append(json.dumps(line, sort_keys=True).encode())
        return self

    def append(self, raw):
        self._sum.update(raw + b"\n")
        self._count += 1

    @property
    def value(self):
        return self._count, self._sum.hexdigest()


def digest_of(lines):
    found = Digest()
    for line in lines:
        found.append(line)
    return found.value


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_50_readers_of_20_logs_over_ten_kills_of_the_relay_get_every_line_once(
    bus, project, nats_server, process_on, session
):
    """G27: each loses its connection five times by itself; no gap, no line twice, all in order."""
    rand = random.Random(27)
    logs = [await running(bus, project) for _ in range(LOGS)]
    relay = await process_on(nats_server).start(logs[0])
    readers = []
    for number in range(READERS):
        breaks = [rand.randrange(500, LINES // (BREAKS + 2)) for _ in range(BREAKS)]
        log = logs[number % LOGS]
        reader = (
            NdjsonReader(session, relay, log.id, breaks)
            if number % 2
            else SocketReader(relay, log.id, breaks)
        )
        reader.raws = reader.lines = Digest()
        readers.append((reader, log))
    writers = [log.writer() for log in logs]

    async def write_on(log, to):
        for part in range(PARTS):
            await write(to, LINES // PARTS, first=part * LINES // PARTS, pause=PAUSE)
        await log.finish(to)

    async def kill_on():
        for _ in range(KILLS):
            await asyncio.sleep(PARTS * PAUSE / (KILLS + 1))
            relay.kill()
            await relay.start(logs[0])

    async with asyncio.TaskGroup() as group:
        for reader, _ in readers:
            group.create_task(reader.read())
        for log, to in zip(logs, writers, strict=True):
            group.create_task(write_on(log, to))
        group.create_task(kill_on())

    wrong, dropped = [], 0
    for log in logs:
        raws = await log.stored()
        lines = [json.loads(raw) for raw in raws]
        lost = sum(int(line["text"].split()[0]) for line in lines if line["stream"] == "system")
        assert sum(line["stream"] == "stdout" for line in lines) + lost == LINES
        dropped += lost
        as_stored = digest_of(raws)
        decoded = digest_of(json.dumps(line, sort_keys=True).encode() for line in lines)
        wrong += [
            type(reader).__name__
            for reader, its in readers
            if its is log
            and reader.lines.value != (as_stored if isinstance(reader, NdjsonReader) else decoded)
        ]
    delays = sorted(
        delay for reader, _ in readers if isinstance(reader, NdjsonReader) for delay in reader.delays
    )
    connections = sum(reader.connections for reader, _ in readers)
    print(
        f"{LOGS} logs of {LINES} lines, {READERS} readers, {KILLS} kills of the relay, {connections} connections: "
        f"{len(wrong)} readers wrong, {dropped} lines dropped by the writers; from write to read "
        f"p50 {delays[len(delays) // 2]:.3f} s, p99 {delays[len(delays) * 99 // 100]:.3f} s, most {delays[-1]:.1f} s"
    )
    assert wrong == []
    assert connections >= READERS * BREAKS
