import asyncio

import pytest

from onward.contract.errors import NotFound, Unavailable
from onward_log_relay.fan_out import Watches
from onward_log_relay.states import States
from tests.support.log_relay import ID, PROJECT, Life, MemoryLog


class Upstreams:
    """Counts what is open towards the bus."""

    def __init__(self, process):
        self.process, self.following, self.subscribed = process, 0, 0
        self.failures = 0

    async def last(self, *args):
        return await self.process.lines.last(*args)

    async def read(self, *args, **options):
        return await self.process.lines.read(*args, **options)

    async def follow(self, project, execution_id, *, after=0):
        self.following += 1
        try:
            if self.failures:
                self.failures -= 1
                raise Unavailable
            async for raw in self.process.lines.follow(project, execution_id, after=after):
                yield raw
        finally:
            self.following -= 1

    async def subscribe(self, subject, handle, *, group=None):
        unsubscribe = await self.process.messages.subscribe(subject, handle, group=group)
        self.subscribed += 1

        async def leave():
            self.subscribed -= 1
            await unsubscribe()

        return leave


@pytest.fixture
def upstreams(process):
    return Upstreams(process)


@pytest.fixture
async def watches(process, upstreams):
    return Watches(upstreams, upstreams, States(process.events, process.messages))


@pytest.fixture
async def life(process):
    return await (await Life(process).submitted()).started()


async def until(watch, condition):
    async with asyncio.timeout(5):
        while not condition():
            await watch.changed.wait()


async def settled(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_many_watchers_share_one_upstream(watches, upstreams, life, bus):
    log = MemoryLog(bus)
    async with watches.of(PROJECT, ID) as one, watches.of(PROJECT, ID) as two:
        one.follow_log()
        two.follow_log()
        assert one is two
        await until(one, lambda: one.floor is not None)
        log.add("x")
        await until(one, lambda: one.newest == 1)
        assert (upstreams.following, upstreams.subscribed, len(watches), watches.watchers) == (1, 1, 1, 2)
    await settled(lambda: (upstreams.following, upstreams.subscribed) == (0, 0))
    assert (len(watches), watches.watchers) == (0, 0)


async def test_the_upstream_stays_while_anybody_watches(watches, upstreams, life):
    one = watches.of(PROJECT, ID)
    watch = await one.__aenter__()
    async with watches.of(PROJECT, ID):
        watch.follow_log()
    await settled(lambda: upstreams.following == 1)
    assert upstreams.subscribed == 1
    await one.__aexit__(None, None, None)
    await settled(lambda: upstreams.following == 0)


async def test_who_watches_only_the_state_reads_no_log(watches, upstreams, life):
    async with watches.of(PROJECT, ID):
        assert (upstreams.following, upstreams.subscribed) == (0, 1)


async def test_an_execution_that_does_not_exist_is_not_found_and_leaves_nothing(watches, upstreams, process):
    async def nothing(subject, data):
        return b"null"

    await process.messages.subscribe("onward.ask.state.execution", nothing)
    with pytest.raises(NotFound):
        async with watches.of(PROJECT, ID):
            pass
    await settled(lambda: upstreams.subscribed == 0)
    assert len(watches) == 0


async def test_the_state_follows_the_events(watches, life):
    async with watches.of(PROJECT, ID) as watch:
        assert watch.execution.status == "running"
        await life.completed()
        await until(watch, lambda: watch.execution.status == "completed")
        assert b'"status":"completed"' in watch.view()


async def test_an_event_that_was_not_heard_is_read(watches, life, monkeypatch):
    monkeypatch.setattr("onward_log_relay.watch.LOOK_SECONDS", 0.05)
    async with watches.of(PROJECT, ID) as watch:

        async def deaf(subject, data):
            pass

        for subscription in life.process.messages._wires.subscriptions:
            subscription.handle = deaf
        await life.completed()
        await until(watch, lambda: watch.execution.status == "completed")


async def test_the_end_is_known_at_once_where_the_writer_marked_it(watches, life, bus, monkeypatch):
    monkeypatch.setattr("onward_log_relay.watch.SETTLE_SECONDS", 3600)
    log = MemoryLog(bus)
    async with watches.of(PROJECT, ID) as watch:
        sequence = log.add("x", end=True)
        await life.completed()
        await until(watch, lambda: watch.ends_at is not None)
        assert watch.ends_at == sequence


async def test_the_mark_of_an_earlier_attempt_is_not_the_end(watches, life, bus, monkeypatch):
    monkeypatch.setattr("onward_log_relay.watch.SETTLE_SECONDS", 0.3)
    log = MemoryLog(bus)
    log.add("x", attempt=0, end=True)
    async with watches.of(PROJECT, ID) as watch:
        await life.completed()
        await until(watch, lambda: watch.execution.ended)
        for _ in range(5):
            await life.process.lines.last(PROJECT, ID)
        assert watch.ends_at is None
        last = log.add("a replica that lagged shows it only now")
        await until(watch, lambda: watch.ends_at is not None)
        assert watch.ends_at == last


async def test_an_upstream_that_fails_is_opened_again_where_it_was(watches, upstreams, life, bus):
    log = MemoryLog(bus)
    upstreams.failures = 1
    async with watches.of(PROJECT, ID) as watch:
        watch.follow_log()
        log.add("x")
        await until(watch, lambda: watch.newest == 1)


async def test_memory_stays_bounded_however_much_is_written(watches, life, bus):
    log = MemoryLog(bus)
    async with watches.of(PROJECT, ID) as watch:
        watch.follow_log()
        await until(watch, lambda: watch.floor is not None)
        for _ in range(200):
            log.add("x" * 10_000)
        await until(watch, lambda: watch.newest == 200)
        held = [piece for piece, _ in watch._ring]
        assert sum(len(bytes(piece.head.lines)) for piece in held) <= 512 * 1024
        assert held[-1].sequence == 200
        assert watch.floor == held[0].sequence - 1
        assert watch.piece(watch.floor).sequence == held[0].sequence
        assert watch.piece(200) is None
