"""M1 to M3: schedules that become hints."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from onward.bus import timers
from onward.bus.api import call
from onward.bus.topology import ensure_queue
from onward.contract import subjects
from tests.live.bus.making import ROUTE, creation, next_decision, running, until


@pytest.fixture
async def hints(bus, project):
    await ensure_queue(bus.connection, project, "default")
    source = bus.hints(project, ["default"])
    yield source
    await source.close()


def soon(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def scheduled(bus, project):
    """The schedules that wait in TIMERS for this project."""
    body = {"subjects_filter": f"onward.timer.{project}.>"}
    info = await call(bus.connection, f"STREAM.INFO.{subjects.TIMERS}", body)
    return sorted(info["state"].get("subjects") or {})


async def take(source, timeout=10.0):
    async with asyncio.timeout(timeout):
        return (await source.take(1))[0]


async def test_a_due_time_becomes_a_hint_with_ordinal_and_floor(bus, hints, project):
    first = creation(project, run_at=soon(0.5))
    sequence = await bus.events.append(first)
    begun = datetime.now(UTC)

    assert await timers.schedule(bus.connection, first.events[0], sequence)

    hint = await take(hints)
    assert (hint.execution_id, hint.fired, hint.floor) == (first.execution_id, 1, sequence)
    assert hint.submitted is None
    assert timedelta(seconds=0.4) < datetime.now(UTC) - begun < timedelta(seconds=2)


async def test_a_due_time_in_the_past_fires_at_once(bus, hints, project):
    first = creation(project, run_at=soon(0.01))
    sequence = await bus.events.append(first)
    await until(lambda: datetime.now(UTC) > first.events[0].due)

    await timers.schedule(bus.connection, first.events[0], sequence)

    assert (await take(hints, 2)).fired == 1


async def test_m1_an_older_event_delivered_again_cannot_replace_a_newer_timer(bus, hints, project):
    first, sequence = await running(bus, project)
    await take(hints)
    older = next_decision(first, sequence, 3, due=soon(60))
    newer = next_decision(first, sequence + 1, 4, due=soon(0.5))
    old, new = await bus.events.append(older), await bus.events.append(newer)

    await timers.schedule(bus.connection, newer.events[0], new)
    await timers.schedule(bus.connection, older.events[0], old)

    hint = await take(hints)
    assert (hint.fired, hint.floor) == (4, new)


async def test_m1_purging_removes_all_timers_of_one_execution(bus, hints, project):
    first, sequence = await running(bus, project)
    stays, other_sequence = await running(bus, project)
    for n in (3, 4):
        decision = next_decision(first, sequence, n, due=soon(60))
        sequence = await bus.events.append(decision)
        await timers.schedule(bus.connection, decision.events[0], sequence)
    kept = next_decision(stays, other_sequence, 3, due=soon(60))
    await timers.schedule(bus.connection, kept.events[0], await bus.events.append(kept))

    removed = await timers.purge(bus.connection, project, first.execution_id)

    assert removed == 2
    assert [subject.split(".")[4] for subject in await scheduled(bus, project)] == [stays.execution_id]


async def test_m3_a_fired_timer_leaves_nothing_behind(bus, hints, project):
    first = creation(project, run_at=soon(0.1))
    await timers.schedule(bus.connection, first.events[0], await bus.events.append(first))
    await take(hints)

    async def empty():
        body = {"subjects_filter": f"onward.*.{project}.>"}
        info = await call(bus.connection, f"STREAM.INFO.{subjects.TIMERS}", body)
        return not info["state"].get("subjects")

    await until(empty, timeout=20)


async def test_m3_a_timer_that_the_server_never_takes_is_skipped(bus, project, caplog):
    first, sequence = await running(bus, project)
    # A route that no subject can hold: the target is refused.
    bad = next_decision(first, sequence, 3, due=soon(1), routes=("default.>",)).events[0]

    assert await timers.schedule(bus.connection, bad, sequence + 1) is False

    assert "is skipped" in caplog.text
    assert await scheduled(bus, project) == []


async def test_an_event_without_a_due_time_asks_for_no_timer(bus, project):
    first, sequence = await running(bus, project)

    assert await timers.schedule(bus.connection, first.events[0], sequence) is False


async def test_the_target_is_the_route_the_execution_waits_in(bus, hints, project):
    first = creation(project, run_at=soon(0.1))

    await timers.schedule(bus.connection, first.events[0], await bus.events.append(first))

    assert (await take(hints)).route == ROUTE
