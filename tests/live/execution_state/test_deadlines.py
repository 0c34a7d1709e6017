"""Deadlines end what nobody holds: with no worker at all, and with Postgres away."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from onward.bus import fenced
from onward.contract import commands, subjects
from onward.contract import events as ev
from onward.contract.execution import Status
from tests.live.execution_state.making import append, until
from tests.support.without_postgres import without_postgres
from tests.unit.onward_execution_state.histories import Walk


@pytest.fixture
async def following(bus, nats_server):
    """The half that needs no Postgres, at work; there is no worker, and no Postgres."""
    async with without_postgres(bus, nats_server) as half:
        yield half


def limited(**limits):
    """An execution with these limits, which count from now."""
    return Walk(random.Random(1), at=datetime.now(UTC)).submit(timeouts=ev.TimeoutPolicy(**limits))


def ended(bus, made):
    async def look():
        state = (await bus.events.read(made.state.project, made.state.id)).execution
        return state if state.ended else None

    return look


async def test_m1_what_no_worker_takes_is_failed_at_the_limit_of_its_queue_wait(bus, following):
    made = limited(queue=0.5)

    await append(bus, made)

    state = await until(ended(bus, made))
    assert (state.status, state.reason, state.attempt) == (Status.FAILED, "timed_out", 0)
    assert state.completed_at - made.state.created_at >= timedelta(seconds=0.5)


async def test_m1_what_sleeps_is_failed_at_the_limit_of_the_execution(bus, following):
    made = limited(execution=0.5, queue=0.4).claim().suspend(seconds=3600)

    await append(bus, made)

    state = await until(ended(bus, made))
    assert (state.status, state.reason) == (Status.FAILED, "timed_out")
    assert state.error.message == "the execution took longer than its limit: 0.5 s"


async def test_a_deadline_of_what_is_held_comes_again_until_nobody_holds_it(bus, following):
    made = limited(execution=0.2).claim()
    sequence = await append(bus, made)
    await until(lambda: datetime.now(UTC) > made.state.created_at + timedelta(seconds=1))
    assert not (await bus.events.read("default", made.state.id)).execution.ended

    made.suspend(seconds=3600)
    await append(bus, made, done=2, expected=sequence)

    assert (await until(ended(bus, made), within=20)).reason == "timed_out"


async def test_m1_a_cancelled_execution_has_no_deadline_left(bus, following):
    made = limited(execution=600, queue=300)
    sequence = await append(bus, made)
    timers = [subjects.timer("default", made.state.id, sequence, kind) for kind in ("queue", "execution")]
    for timer in timers:
        await until(lambda timer=timer: fenced.last(bus.connection, subjects.TIMERS, timer))

    made._add(*commands.cancel(made.state, made.moment, None))
    await append(bus, made, done=1, expected=sequence)

    async def gone():
        left = [await fenced.last(bus.connection, subjects.TIMERS, timer) for timer in timers]
        return left == [None, None]

    await until(gone)
