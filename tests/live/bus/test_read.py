"""V1 to V3: what a read may be believed, and how it finds all of a log."""

import asyncio

import msgspec
import pytest

from onward.bus.api import call
from onward.bus.bus import open_bus
from onward.bus.read import Reader
from onward.bus.streams import purge_to
from onward.bus.topology import ensure
from onward.contract import subjects
from onward.contract.errors import Behind, BrokenLog
from onward.contract.log import Decision
from tests.live.bus.making import ROUTE, creation, log_of, new_id, next_decision, running, started, until
from tests.support.builders import T0, event
from tests.support.nats_server import one_server


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch):
    monkeypatch.setattr("onward.bus.read.PATIENCE", 0.4)


async def test_v1_a_read_waits_for_the_floor_it_was_told(bus, other, project, monkeypatch):
    monkeypatch.setattr("onward.bus.read.PATIENCE", 30.0)
    first, sequence = await running(bus, project)
    reading = asyncio.create_task(other.events.read(project, first.execution_id, floor=sequence + 1))
    await asyncio.sleep(0.1)

    await bus.events.append(next_decision(first, sequence, 3))

    log = await reading
    assert log is not None
    assert log.sequence == sequence + 1


async def test_v1_below_the_floor_nothing_is_told(bus, project):
    first, sequence = await running(bus, project)
    log = await log_of(bus, first)

    with pytest.raises(Behind):
        await bus.events.read_on(log, floor=sequence + 1000)


async def test_v1_not_stored_needs_a_floor_too(bus, project):
    first = creation(project)
    sequence = await bus.events.append(first)

    assert await bus.events.read(project, new_id(), route=ROUTE) is None
    with pytest.raises(Behind):
        await bus.events.read(project, new_id(), route=ROUTE, floor=sequence)


async def test_v2_a_hole_is_reported(bus, project):
    first, sequence = await running(bus, project)
    await bus.events.append(next_decision(first, sequence, 4))

    with pytest.raises(BrokenLog):
        await log_of(bus, first)


@pytest.mark.parametrize("missing", [0, 1, 2])
async def test_v2_a_hole_between_two_reads_is_looked_at_again(bus, project, monkeypatch, missing):
    """`.e` and the wakes are read side by side: an append in between shows its end without its beginning."""
    first, sequence = await running(bus, project)
    last = await bus.events.append(next_decision(first, sequence, 3, count=2))
    whole = Reader._literal

    async def torn(self, *args):
        found = await whole(self, *args)
        return [*found[:missing], *found[missing + 1 :]]

    monkeypatch.setattr(Reader, "_literal", torn)

    log = await bus.events.read(project, first.execution_id, route=ROUTE, floor=last)

    assert [stored.event.n for stored in log.stored] == [1, 2, 3, 4]


async def test_v2_a_log_that_does_not_begin_at_1_is_reported(bus, project):
    first = creation(project)
    await bus.events.append(next_decision(first, 0, 2))

    with pytest.raises(BrokenLog):
        await log_of(bus, first)


async def test_v2_new_events_that_do_not_follow_are_reported(bus, project):
    first, sequence = await running(bus, project)
    log = await log_of(bus, first)
    await bus.events.append(next_decision(first, sequence, 5))

    with pytest.raises(BrokenLog):
        await bus.events.read_on(log)


async def test_v3_routes_that_events_name_are_followed(bus, project):
    first, sequence = await running(bus, project)
    named = next_decision(first, sequence, 3, routes=(ROUTE, "other.high"))
    sequence = await bus.events.append(named)
    await bus.events.append(
        next_decision(first, sequence, 4, routes=(ROUTE, "other.high"), wake="other.high")
    )

    log = await log_of(bus, first)

    assert [stored.event.n for stored in log.stored] == [1, 2, 3, 4]


async def test_v3_a_read_asks_for_literal_subjects_and_for_nothing_else(bus, other, project):
    first, sequence = await running(bus, project)
    asked = []
    subject = f"$JS.API.DIRECT.GET.{subjects.EVENTS}"
    other.connection.listen(subject, lambda _s, _r, _h, data: asked.append(msgspec.json.decode(data)))
    await other.connection.flush()

    log = await log_of(bus, first)
    await bus.events.append(next_decision(first, sequence, 3))
    await bus.events.read_on(log)
    await until(lambda: len(asked) >= 4)

    mine = {question["next_by_subj"] for question in asked if first.execution_id in question["next_by_subj"]}
    literal = {subjects.event(project, first.execution_id, route) for route in (None, ROUTE)}
    assert mine == literal


async def test_v3_an_event_on_a_route_that_nobody_named_is_found_by_its_floor(bus, project):
    first, sequence = await running(bus, project)
    log = await log_of(bus, first)
    moved = next_decision(first, sequence, 3, routes=(ROUTE, "other.high"), wake="other.high")
    floor = await bus.events.append(moved)

    log = await bus.events.read_on(log, floor=floor)

    assert log.sequence == floor


async def test_v3_without_any_route_the_log_is_found(bus, project):
    first = creation(project, queue="faraway")
    await bus.events.append(first)

    log = await bus.events.read(project, first.execution_id)

    assert log is not None
    assert log.execution.queue == "faraway"


async def test_a_log_of_thousands_is_read_whole(bus, project):
    first, sequence = await running(bus, project)
    for n in range(3, 2500, 300):
        sequence = await bus.events.append(next_decision(first, sequence, n, count=300))

    log = await log_of(bus, first)

    assert len(log.stored) == 2 + 9 * 300
    assert log.sequence == sequence


async def test_reading_on_adds_what_came_since_and_nothing_else(bus, project):
    first, sequence = await running(bus, project)
    log = await log_of(bus, first)
    assert await bus.events.read_on(log) is log
    await bus.events.append(next_decision(first, sequence, 3, count=2))

    log = await bus.events.read_on(log)

    assert [stored.event.n for stored in log.stored] == [1, 2, 3, 4]
    assert log.execution.n == 4


async def test_a_scan_goes_through_all_executions_in_order(bus, project):
    made = [creation(project) for _ in range(30)]
    sequences = [await bus.events.append(decision) for decision in made]

    found = []
    after = sequences[0] - 1
    while page := await bus.events.scan(after, 7):
        found += page
        after = page[-1].sequence

    mine = [raw for raw in found if subjects.event_owner(raw.subject)[0] == project]
    assert [raw.sequence for raw in mine] == sequences
    assert [subjects.event_owner(raw.subject)[1] for raw in mine] == [d.execution_id for d in made]


async def test_of_a_log_that_retention_has_purged_nothing_is_left_to_tell(tmp_path):
    with one_server(tmp_path) as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection)
        first = creation("p")
        sequence = await bus.events.append(first)
        ended = event(
            _kind("Failed"), 2, project="p", execution_id=first.execution_id, at=T0, routes=(ROUTE,)
        )
        decision = Decision(project="p", execution_id=first.execution_id, expected=sequence, events=(ended,))
        last = await bus.events.append(decision)

        await purge_to(bus.connection, sequence)
        beginning_purged = await bus.events.read("p", first.execution_id, route=ROUTE)
        await purge_to(bus.connection, last)
        all_purged = await bus.events.read("p", first.execution_id, route=ROUTE, floor=last)

        assert beginning_purged is None
        assert all_purged is None
        info = await call(bus.connection, f"STREAM.INFO.{subjects.EVENTS}")
        assert info["state"]["first_seq"] == last + 1
        await bus.close()


def _kind(name):
    from onward.contract import events as ev

    return getattr(ev, name)


async def test_a_claim_is_read_with_its_creation(bus, project):
    first = creation(project)
    sequence = await bus.events.append(first)
    await bus.events.append(started(first, sequence))

    log = await bus.events.read(project, first.execution_id, route=ROUTE, floor=sequence + 1)

    assert log is not None
    assert log.execution.worker_id == "w"
