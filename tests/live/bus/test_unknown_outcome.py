"""A5: what becomes of a decision whose answer never came."""

import asyncio
import time

import pytest

from onward.bus.append import DEADLINE
from onward.contract.errors import FenceLost, Unavailable
from tests.live.bus.making import creation, log_of, next_decision, outcomes, running, until


async def _stored_unanswered(bus, wire, far, decision, count=1):
    """Let `far` append so that the decision is stored and the answer lost; the waiting append."""
    wire.swallow = True
    waiting = asyncio.create_task(far.events.append(decision))
    await until(lambda: _length(bus, decision, count))
    return waiting


async def _length(bus, decision, count):
    log = await bus.events.read(decision.project, decision.execution_id, route="default.normal")
    return log is not None and len(log.stored) >= count


def _reconnect(wire):
    wire.swallow = False
    wire.cut()


async def test_a5_a_decision_whose_answer_was_lost_is_found_stored_once(bus, wire, far, project):
    first = creation(project)
    waiting = await _stored_unanswered(bus, wire, far, first)

    _reconnect(wire)

    log = await log_of(bus, first)
    assert await waiting == log.sequence
    assert len(log.stored) == 1


async def test_a5_it_is_found_behind_events_of_others(bus, wire, far, project):
    first, sequence = await running(bus, project)
    mine = next_decision(first, sequence, 3)
    waiting = await _stored_unanswered(bus, wire, far, mine, 3)
    await bus.events.append(next_decision(first, sequence + 1, 4))

    _reconnect(wire)

    assert await waiting == sequence + 1
    assert len((await log_of(bus, first)).stored) == 4


async def test_a5_a_lost_batch_is_found_whole(bus, wire, far, project):
    crowd = [creation(project) for _ in range(100)]
    wire.swallow = True
    waiting = asyncio.create_task(outcomes(far.events, *crowd))
    await until(lambda: _length(bus, crowd[-1], 1))

    _reconnect(wire)

    for first, sequence in zip(crowd, await waiting, strict=True):
        assert (await log_of(bus, first)).sequence == sequence


async def test_a5_a_lost_race_is_told_from_an_unknown_outcome(bus, wire, far, project):
    first, sequence = await running(bus, project)
    wire.refuse = True
    wire.cut()
    await until(lambda: not far.connection.connected)
    waiting = asyncio.create_task(far.events.append(next_decision(first, sequence, 3)))
    await bus.events.append(next_decision(first, sequence, 3))

    wire.refuse = False

    with pytest.raises(FenceLost) as lost:
        await waiting
    assert lost.value.floor == sequence + 1


async def test_a5_without_a_server_it_is_given_up_as_unknown_after_5_seconds(wire, far, project):
    wire.swallow = True
    begun = time.monotonic()

    with pytest.raises(Unavailable):
        await far.events.append(creation(project))

    assert 4.5 < time.monotonic() - begun < 20


async def test_a5_what_was_refused_for_lack_of_a_connection_is_never_sent_later(bus, wire, far, project):
    wire.refuse = True
    wire.cut()
    await until(lambda: not far.connection.connected)
    begun = time.monotonic()
    first = creation(project)

    with pytest.raises(Unavailable):
        await far.events.append(first)

    assert time.monotonic() - begun < DEADLINE - 0.5, "as long as for an unknown outcome"
    wire.refuse = False
    await until(lambda: far.connection.connected)
    await far.events.append(creation(project))
    assert await bus.events.read(project, first.execution_id, route="default.normal") is None


async def test_closing_the_bus_leaves_no_append_waiting(wire, far, project):
    wire.swallow = True
    first = creation(project)
    same = [first, next_decision(first, 0, 2)]

    async with asyncio.timeout(DEADLINE - 0.5), asyncio.TaskGroup() as group:
        waiting = group.create_task(outcomes(far.events, *same, *(creation(project) for _ in range(50))))
        await until(lambda: first.execution_id in far.events._busy)
        await far.close()

    results = waiting.result()
    assert all(isinstance(result, Unavailable) for result in results), results
    with pytest.raises(Unavailable):
        await far.events.append(creation(project))
