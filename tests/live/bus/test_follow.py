"""Followers: batches, acks after the handler, and again after a failure."""

import asyncio
import contextlib

import pytest

from onward.bus.follow import ack_floor, follow
from onward.bus.streams import state
from onward.contract import subjects
from tests.live.bus.making import creation, outcomes, until


class Recorder:
    """A handler that keeps what it was given, and fails as often as it is told to."""

    def __init__(self, failures=0):
        self.batches, self.failures = [], failures

    async def __call__(self, batch):
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the handler fails")
        self.batches.append(list(batch))

    @property
    def sequences(self):
        return [raw.sequence for batch in self.batches for raw in batch]


@contextlib.asynccontextmanager
async def following(bus, name, handler, batch=100, **options):
    task = asyncio.create_task(follow(bus.connection, name, handler, batch, **options))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def here(bus):
    """The next sequence of EVENTS: what other tests have stored is of no interest."""
    return (await state(bus.connection)).last_sequence + 1


async def test_a_follower_gets_every_event_in_order(bus, project, here):
    handler = Recorder()
    sequences = sorted(await outcomes(bus.events, *(creation(project) for _ in range(500))))

    async with following(bus, project, handler, start=here):
        await until(lambda: len(handler.sequences) >= 500)

    assert handler.sequences == sequences
    assert max(len(batch) for batch in handler.batches) <= 100
    assert len(handler.batches) < 100
    assert all(raw.subject.startswith("onward.ev.") for batch in handler.batches for raw in batch)


async def test_its_place_moves_once_the_handler_has_returned(bus, project, here):
    may_return = asyncio.Event()

    async def handler(_batch):
        await may_return.wait()

    async with following(bus, project, handler, start=here):
        sequence = await bus.events.append(creation(project))
        await asyncio.sleep(0.2)
        before = await ack_floor(bus.connection, project)
        may_return.set()

        async def moved():
            return await ack_floor(bus.connection, project) == sequence

        await until(moved)

    assert before < sequence


async def test_a_batch_that_failed_comes_again_before_what_is_behind_it(bus, project, here):
    handler = Recorder(failures=3)
    async with following(bus, project, handler, batch=5, start=here):
        sequences = sorted(await outcomes(bus.events, *(creation(project) for _ in range(20))))
        await until(lambda: len(handler.sequences) >= 20, timeout=20)

    assert handler.sequences == sequences


async def test_a_follower_that_starts_again_goes_on_where_it_was(bus, project, here):
    first, second = Recorder(), Recorder()
    async with following(bus, project, first, start=here):
        await bus.events.append(creation(project))
        await until(lambda: first.sequences)

        async def acked():
            return await ack_floor(bus.connection, project) == first.sequences[0]

        await until(acked)

    async with following(bus, project, second):
        sequence = await bus.events.append(creation(project))
        await until(lambda: second.sequences)

    assert second.sequences == [sequence]


async def test_replicas_share_the_work(bus, other, project, here):
    one, two = Recorder(), Recorder()
    async with following(bus, project, one, 10, start=here), following(other, project, two, 10, start=here):
        sequences = sorted(await outcomes(bus.events, *(creation(project) for _ in range(400))))
        await until(lambda: len(one.sequences + two.sequences) >= 400)

    assert sorted(one.sequences + two.sequences) == sequences


async def test_what_a_replica_left_undone_the_other_gets_at_once(bus, other, project, here):
    stuck, handler = asyncio.Event(), Recorder()

    async def never(_batch):
        stuck.set()
        await asyncio.Event().wait()

    async with following(bus, project, never, start=here) as task:
        sequence = await bus.events.append(creation(project))
        await stuck.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with following(other, project, handler):
            await until(lambda: handler.sequences == [sequence], timeout=5)


async def test_it_goes_on_after_the_connection_was_lost(bus, wire, far, project, here):
    handler = Recorder()
    async with following(far, project, handler, start=here):
        await bus.events.append(creation(project))
        await until(lambda: len(handler.sequences) == 1)
        wire.cut()
        await bus.events.append(creation(project))
        await until(lambda: len(set(handler.sequences)) == 2)


async def test_of_an_unknown_follower_there_is_no_place(bus, project):
    assert await ack_floor(bus.connection, project) is None


async def test_only_what_it_asked_for_comes(bus, project, here):
    handler = Recorder()
    wakes = f"onward.ev.{project}.*.*.wake.*.*"
    async with following(bus, project, handler, subject=wakes, start=here):
        await bus.events.append(creation(f"{project}x"))
        sequence = await bus.events.append(creation(project))
        await until(lambda: handler.sequences)

    assert handler.sequences == [sequence]
    assert subjects.event_owner(handler.batches[0][0].subject)[0] == project
