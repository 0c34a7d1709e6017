import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.live.log_relay.clients import NDJSON, NdjsonReader, write
from tests.live.log_relay.process import Stalled


@pytest.fixture
async def relay(execution, nats_server, process_on):
    return await process_on(nats_server, stall_seconds=1).start(execution)


@pytest.fixture
def stalled(execution):
    """Makes clients that do not read, over HTTP or a WebSocket."""
    clients = []

    def make(relay, via):
        if via == "http":
            path = f"/api/v1/executions/{execution.id}/logs?follow=true"
            client = Stalled(relay.port, path, relay.key, ["Accept: application/x-ndjson"])
        else:
            message = json.dumps({"type": "subscribe", "channel": "log", "execution_id": execution.id})
            client = Stalled.websocket(relay.port, relay.key, message)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


async def until(condition, within=20.0):
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)


async def flood(execution, lines):
    to = execution.writer()
    await asyncio.to_thread(lambda: [to.write("info", "stdout", f"{i} " + "x" * 500) for i in range(lines)])
    return to


async def cut(relay, via):
    return await relay.metric(f'onward_relay_slow_clients_total{{via="{via}"}}')


async def test_a_stalled_http_client_is_cut_off_with_a_last_line(execution, relay, stalled):
    client = stalled(relay, "http")
    to = await flood(execution, 40_000)

    async def is_cut():
        return await cut(relay, "http") == 1

    await until(is_cut)
    last = (await asyncio.to_thread(client.rest)).rstrip(b"\r\n0").splitlines()[-1]
    said = json.loads(last)
    assert (said["end"], said["error"]["code"]) == (False, "slow_client")
    assert 0 < said["last_line"] < 40_000
    await to.close()


async def test_a_stalled_socket_is_closed_with_4008(execution, relay, stalled):
    client = stalled(relay, "socket")
    to = await flood(execution, 40_000)

    async def is_cut():
        return await cut(relay, "socket") == 1

    await until(is_cut)
    close = b"\x88\x0d" + (4008).to_bytes(2) + b"slow_client"
    assert (await asyncio.to_thread(client.rest, close)).endswith(close)
    await to.close()


async def test_a_client_that_never_reads_again_loses_its_connection(execution, relay, stalled):
    for via in ("http", "socket"):
        stalled(relay, via)
    to = await flood(execution, 40_000)

    async def connections():
        fds = Path(f"/proc/{relay.process.pid}/fd")
        return sum("socket:" in str(fd.readlink()) for fd in fds.iterdir() if fd.is_symlink())

    before = await connections()

    async def gone():
        return await connections() <= before - 2

    await until(gone, within=25)
    await to.close()


@pytest.mark.slow
async def test_200_stalled_readers_of_a_flood_cost_no_memory_and_delay_nobody(
    execution, nats_server, process_on, session, stalled
):
    """G28: 1,000,000 lines, 200 stalled readers, relay memory at most +128 MiB, others p99 at most 2 s."""
    relay = await process_on(nats_server, stall_seconds=10).start(execution)
    before = relay.memory()
    for i in range(200):
        stalled(relay, "http" if i % 2 else "socket")
    reader = NdjsonReader(session, relay, execution.id)
    reading = asyncio.ensure_future(reader.read())
    to = execution.writer()
    most, started = 0, time.monotonic()
    for part in range(100):
        await write(to, 10_000, first=part * 10_000, pause=0.25)  # about as fast as this reader can be
        most = max(most, relay.memory())
    assert await to.close()

    async def all_cut():
        return await cut(relay, "http") + await cut(relay, "socket") == 200

    await until(all_cut, within=max(1.0, 30 - (time.monotonic() - started)))
    most = max(most, relay.memory())
    await execution.life.completed()
    async with asyncio.timeout(60):
        await reading
    shown = [json.loads(raw) for raw in reader.raws]
    dropped = sum(int(line["text"].split()[0]) for line in shown if line["stream"] == "system")
    assert sum(line["stream"] == "stdout" for line in shown) + dropped == 1_000_000
    delays = sorted(reader.delays)
    p50, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
    print(
        f"relay memory +{(most - before) / 2**20:.0f} MiB, {relay.cpu() / len(shown) * 1e6:.1f} µs CPU a line; "
        f"{dropped} lines dropped by the writer; the reader's delay p50 {p50:.3f} s, p99 {p99:.3f} s"
    )
    assert p99 <= 2
    assert most - before <= 128 * 2**20


async def test_a_slow_but_steady_reader_is_not_cut_off(execution, relay, session):
    to = await flood(execution, 20_000)
    await to.close()
    await execution.life.completed()
    count = 0
    async with session.get(
        relay.url(execution.id, "?follow=true"), headers={**relay.auth, **NDJSON}
    ) as answer:
        async for raw in answer.content.iter_chunked(256 * 1024):
            count += raw.count(b"\n")
            await asyncio.sleep(0.05)
    assert count == 20_001
