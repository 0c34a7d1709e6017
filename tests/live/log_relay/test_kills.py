"""kill -9 of a relay under its readers, and of the server under a writer."""

import asyncio
import json

import pytest

from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.topology import ensure
from tests.live.log_relay.clients import NdjsonReader, SocketReader, write
from tests.live.log_relay.conftest import running
from tests.support.nats_server import one_server


async def test_readers_of_a_relay_that_is_killed_miss_nothing(execution, nats_server, process_on, session):
    """G27, small: each kill throws every reader out; they go on where they were on the next relay."""
    relay = await process_on(nats_server).start(execution)
    readers = [NdjsonReader(session, relay, execution.id), SocketReader(relay, execution.id)]
    to = execution.writer()
    async with asyncio.timeout(90):
        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.read())
            for part in range(3):
                target = 4_000 * (part + 1)
                await write(to, 4_000, first=4_000 * part)
                while min(reader.last for reader in readers) < target - 2_000:
                    await asyncio.sleep(0.01)
                relay.kill()
                await relay.start(execution)
            await write(to, 8_000, first=12_000)
            await execution.finish(to)
    raws = await execution.stored()
    assert len(raws) == 20_000
    assert readers[0].raws == raws
    assert readers[1].lines == [json.loads(raw) for raw in raws]
    assert min(reader.connections for reader in readers) >= 4


async def test_a_relay_that_stops_sends_its_readers_away_in_order(
    execution, nats_server, process_on, session
):
    relay = await process_on(nats_server).start(execution)
    to = execution.writer()
    await write(to, 10, pause=0.1)
    headers = {**relay.auth, "Accept": "application/x-ndjson"}
    async with session.get(relay.url(execution.id, "?follow=true"), headers=headers) as answer:
        for _ in range(10):
            await answer.content.readline()
        assert await asyncio.to_thread(relay.stop) == 0
        said = json.loads((await answer.content.read()).splitlines()[-1])
    assert (said["end"], said["error"]["code"], said["last_line"]) == (False, "restarting", 10)
    await to.close()


@pytest.fixture
def own_server(tmp_path):
    with one_server(tmp_path) as server:
        yield server


async def test_a_writer_stores_every_line_once_while_its_server_is_killed(
    own_server, project, process_on, session
):
    """Appends of unknown outcome are the writer's own; a follower goes from one life of the server to the next."""
    connection = await connect(own_server.url, "test", on_closed=lambda: None)
    await ensure(connection)
    bus = Bus(connection)
    execution = await running(bus, project)
    to = execution.writer()
    relay = await process_on(own_server).start(execution)
    reader = NdjsonReader(session, relay, execution.id)
    reading = asyncio.ensure_future(reader.read())
    async with asyncio.timeout(90):
        for part in range(3):
            writing = asyncio.ensure_future(write(to, 3_000, first=3_000 * part))
            await asyncio.sleep(0)
            await asyncio.to_thread(own_server.restart)
            await writing
        assert await to.close(within=20)
        assert not to.lost
        await execution.life.completed()
        await reading
    shown = [json.loads(raw) for raw in reader.raws]
    kept = [int(line["text"].split()[0]) for line in shown if line["stream"] == "stdout"]
    dropped = sum(int(line["text"].split()[0]) for line in shown if line["stream"] == "system")
    assert kept == sorted(set(kept))
    assert len(kept) + dropped == 9_000
    assert relay.stop() == 0
    await bus.close()


async def test_a_zombie_cannot_write_line_501_twice(execution):
    lost = asyncio.Event()
    old = execution.writer(on_lost=lost.set)
    await write(old, 500)
    async with asyncio.timeout(40):
        while len(await execution.stored()) < 500:
            await asyncio.sleep(0.02)
    new = execution.writer(attempt=2, worker="w2")
    await asyncio.gather(write(new, 300, first=500), write(old, 300, first=9_000))
    async with asyncio.timeout(40):
        while not lost.is_set():
            await write(new, 10, first=800)
            await write(old, 10, first=9_300, pause=0.1)
    assert await new.close()
    lines = [json.loads(raw) for raw in await execution.stored()]
    assert [line["line"] for line in lines] == list(range(1, len(lines) + 1))
    newest = next(i for i, line in enumerate(lines) if line["attempt"] == 2)
    assert not [line for line in lines[newest:] if line["attempt"] == 1]
    assert old.lost
    assert not new.lost
