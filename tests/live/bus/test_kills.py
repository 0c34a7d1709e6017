"""The server dies under load, again and again: nothing accepted is lost, nothing is doubled, no decision is halved."""

import asyncio
import random

import pytest

from onward.bus.bus import open_bus
from onward.bus.topology import ensure, ensure_queue
from onward.cli.embedded.scratch import Scratch
from onward.contract import events as ev
from onward.contract.errors import FenceLost, Unavailable
from tests.live.bus.making import ROUTE, creation, next_decision, until
from tests.live.bus.test_torn import in_memory
from tests.support.nats_server import one_server

KILLS = 6


class Writer:
    """Appends to logs of its own and remembers what it was told."""

    def __init__(self, bus):
        self.bus = bus
        self.told = {}
        self.unknown = set()
        self.decisions = {}

    async def write(self, stop):
        first = creation("p")
        decision, n = first, 1
        while not stop.is_set():
            self.decisions[decision.events[0].id] = decision
            try:
                sequence = await self.bus.events.append(decision)
            except Unavailable:
                self.unknown.add(decision.events[0].id)
                first = creation("p")
                decision, n = first, 1
                continue
            except FenceLost:
                raise AssertionError(f"nobody else writes to {decision.execution_id}") from None
            self.told[decision.events[0].id] = sequence
            n += len(decision.events)
            decision = next_decision(first, sequence, n, count=random.choice([1, 1, 2]))


async def check_that_nothing_is_lost(bus, writer):
    """Compare what the writer was told with what the stream holds."""
    stored, after = {}, 0
    while page := await bus.events.scan(after, 1000):
        after = page[-1].sequence
        for raw in page:
            event_id = ev.decode(raw.data).id
            assert event_id not in stored, "stored twice"
            stored[event_id] = raw.sequence
    for event_id, sequence in writer.told.items():
        ids = [event.id for event in writer.decisions[event_id].events]
        assert [stored.get(id_) for id_ in ids] == list(range(sequence - len(ids) + 1, sequence + 1))
    for event_id in writer.unknown:
        ids = [event.id for event in writer.decisions[event_id].events]
        assert len({id_ in stored for id_ in ids}) == 1, "half a decision is stored"


@pytest.mark.parametrize("batches_wait", ["on_disk", "in_memory"])
async def test_a5_nothing_accepted_is_lost_or_doubled_by_kills_of_the_server(tmp_path, batches_wait):
    scratch = Scratch(tmp_path / "alone", memory=in_memory(tmp_path))
    with one_server(tmp_path) as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection)
        writer, stop = Writer(bus), asyncio.Event()
        tasks = [asyncio.create_task(writer.write(stop)) for _ in range(40)]

        for _ in range(KILLS // 2):
            assert batches_wait == "on_disk" or scratch.keep()
            before = len(writer.told)
            await until(lambda: len(writer.told) > before + 200, timeout=20)  # noqa: B023
            server.kill()
            server.start()
        stop.set()
        await asyncio.gather(*tasks)

        await check_that_nothing_is_lost(bus, writer)
        await bus.close()


async def test_every_accepted_submission_reaches_a_worker_over_kills_of_the_server(tmp_path):
    with one_server(tmp_path) as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection)
        await ensure_queue(bus.connection, "p", "default", ack_wait=1.0)
        hints = bus.hints("p", ["default"])
        accepted, seen, stop = set(), set(), asyncio.Event()

        async def submit():
            while not stop.is_set():
                decision = creation("p")
                try:
                    await bus.events.append(decision)
                except Unavailable:
                    continue
                accepted.add(decision.execution_id)

        async def work():
            while True:
                for hint in await hints.take(50):
                    log = await bus.events.read("p", hint.execution_id, route=ROUTE, floor=hint.floor)
                    assert log is not None
                    seen.add(hint.execution_id)
                    try:
                        await hints.ack(hint)
                    except Unavailable:
                        continue

        async def patient():
            while True:
                try:
                    await work()
                except Unavailable:
                    await asyncio.sleep(0.05)

        submitting = [asyncio.create_task(submit()) for _ in range(10)]
        working = asyncio.create_task(patient())
        for _ in range(KILLS):
            before = len(seen)
            await until(lambda: len(seen) > before + 100, timeout=20)  # noqa: B023
            server.kill()
            server.start()
        stop.set()
        await asyncio.gather(*submitting)

        await until(lambda: accepted <= seen, timeout=30)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await hints.close()
        await bus.close()
