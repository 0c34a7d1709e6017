"""Events of a whole project on real servers: who follows them loses nothing when the relay or the server is killed."""

import asyncio
import itertools
import json

import aiohttp
import pytest

from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.topology import ensure
from tests.live.log_relay.conftest import running
from tests.support.nats_server import one_server


class Follower:
    """Follows over HTTP, over as many connections as that takes."""

    def __init__(self, session, relay):
        self.session, self.relay = session, relay
        self.position, self.connections = None, 0
        self.positions, self.kinds = [], []

    async def follow(self):
        while True:
            try:
                await self._once()
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.02)

    async def _once(self):
        url = f"http://127.0.0.1:{self.relay.port}/api/v1/events?follow=true"
        url += f"&after={self.position}" if self.position is not None else ""
        headers = {**self.relay.auth, "accept": "application/x-ndjson"}
        async with self.session.get(url, headers=headers) as answer:
            if answer.status != 200:
                raise aiohttp.ClientError(f"{answer.status} {await answer.text()}")
            self.connections += 1
            if self.position is None:
                self.position = int(answer.headers["onward-position"])
            async for line in answer.content:
                if not line.endswith(b"\n"):
                    return
                told = json.loads(line)
                self.position = told["position"]
                if "type" in told:
                    self.positions.append(told["position"])
                    self.kinds.append((told["execution_id"], told["type"], told["status"], told["task"]))


async def live(bus, project, count):
    """Executions that begin and end; what happened to each."""
    found = []
    for _ in range(count):
        one = await running(bus, project)
        await one.life.completed()
        found += [
            (one.id, "submitted", "pending", "talk"),
            (one.id, "started", "running", "talk"),
            (one.id, "completed", "completed", "talk"),
        ]
    return found


async def until(condition, within=30):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)


async def test_seed_events_who_follows_them_over_kills_of_the_relay_loses_none(
    execution, nats_server, process_on, session
):
    relay = await process_on(nats_server).start(execution)
    follower = Follower(session, relay)
    following = asyncio.ensure_future(follower.follow())
    try:
        await until(lambda: follower.connections)
        happened = []
        for _ in range(3):
            happened += await live(execution.bus, execution.project, 40)
            await until(lambda: follower.kinds)
            relay.kill()
            happened += await live(execution.bus, execution.project, 20)
            await relay.start(execution)
        await until(lambda: len(follower.kinds) >= len(happened))
    finally:
        following.cancel()
    assert follower.kinds == happened
    assert follower.positions == sorted(set(follower.positions))
    assert follower.connections >= 4


@pytest.fixture
def own_server(tmp_path):
    with one_server(tmp_path) as server:
        yield server


async def test_events_that_came_while_the_server_was_away_are_read_from_the_store(own_server, project):
    """The echo is a core message: what is sent while we are away is lost, and the store has it."""
    buses = [Bus(await connect(own_server.url, name, on_closed=lambda: None)) for name in ("a", "b")]
    await ensure(buses[0].connection)
    found = []

    async def read():
        async for raw in buses[1].events.live(0):
            found.append(raw.sequence)  # noqa: PERF401 - it never ends, and is looked at meanwhile

    reading = asyncio.ensure_future(read())
    try:
        await live(buses[0], project, 5)
        await until(lambda: len(found) == 15)
        own_server.kill()
        own_server.start()
        await until(lambda: buses[0].connection.connected)
        await live(buses[0], project, 5)
        await until(lambda: len(found) == 30)
    finally:
        reading.cancel()
        for bus in buses:
            await bus.close()
    assert found == list(range(1, 31))


async def test_an_event_whose_echo_was_lost_is_read_from_the_store_in_its_place(
    own_server, project, monkeypatch
):
    bus = Bus(await connect(own_server.url, "a", on_closed=lambda: None))
    await ensure(bus.connection)
    listen, count = bus.connection.listen, itertools.count(1)

    def lossy(subject, listener, **options):
        return listen(subject, lambda *told: listener(*told) if next(count) % 4 else None, **options)

    monkeypatch.setattr(bus.connection, "listen", lossy)
    found = []

    async def read():
        async for raw in bus.events.live(0):
            found.append(raw.sequence)  # noqa: PERF401 - it never ends, and is looked at meanwhile

    reading = asyncio.ensure_future(read())
    try:
        await live(bus, project, 10)
        await until(lambda: len(found) >= 29)
    finally:
        reading.cancel()
        await bus.close()
    assert found == list(range(1, len(found) + 1))
