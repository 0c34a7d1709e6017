"""A1 to A4 and A6: one fence, indivisible decisions, group commit."""

import asyncio

import pytest

from onward.bus import config, timers
from onward.bus.bus import open_bus
from onward.bus.topology import Limits, ensure
from onward.bus.wire import block, header
from onward.contract import subjects
from onward.contract.errors import FenceLost, InvalidName, StoreFull, TooLarge
from onward.contract.log import Decision
from tests.live.bus.making import (
    batch_of,
    creation,
    log_of,
    new_id,
    next_decision,
    outcomes,
    running,
    started,
    stored_headers,
)
from tests.support.nats_server import one_server

STALE = b"Nats-Expected-Last-Subject-Sequence"
FILTER = b"Nats-Expected-Last-Subject-Sequence-Subject"


async def test_a1_every_append_carries_the_one_fence_byte_for_byte(bus, project):
    first, sequence = await running(bus, project)

    await bus.events.append(next_decision(first, sequence, 3, count=2))

    fences = {header(headers, FILTER) for headers in await stored_headers(bus, first)}
    assert fences == {subjects.fence(project, first.execution_id)}
    expected = [header(headers, STALE) for headers in await stored_headers(bus, first)]
    assert expected == ["0", str(sequence - 1), str(sequence), str(sequence)]


async def test_a1_a_stale_append_is_refused_on_whichever_subject(bus, other, project):
    first = creation(project)
    sequence = await bus.events.append(first)
    await bus.events.append(started(first, sequence))

    stale = next_decision(first, sequence, 2)
    stale_wake = next_decision(first, sequence, 2, wake="default.high")
    lost = await outcomes(other.events, stale, stale_wake)

    assert [type(each) for each in lost] == [FenceLost, FenceLost]
    assert [each.floor for each in lost] == [sequence + 1, sequence + 1]
    assert len((await log_of(bus, first)).stored) == 2


async def test_a1_of_twenty_creates_of_one_execution_one_is_stored(bus, other, project):
    same = new_id()
    creations = [creation(project, same) for _ in range(20)]

    results = await outcomes(bus.events, *creations[:10]) + await outcomes(other.events, *creations[10:])

    assert sum(isinstance(each, int) for each in results) == 1
    assert sum(isinstance(each, FenceLost) for each in results) == 19


async def test_a2_a_decision_is_indivisible(bus, other, project):
    for _ in range(20):
        first, sequence = await running(bus, project)
        pair, rival = next_decision(first, sequence, 3, count=2), next_decision(first, sequence, 3, count=2)
        one, two = next_decision(first, sequence, 3), next_decision(first, sequence, 3, wake="default.high")

        results = await asyncio.gather(
            outcomes(bus.events, pair), outcomes(other.events, rival), outcomes(bus.events, one),
            outcomes(other.events, two),
        )  # fmt: skip

        won = [d for d, [r] in zip((pair, rival, one, two), results, strict=True) if isinstance(r, int)]
        assert len(won) == 1
        after = [stored.event.id for stored in (await log_of(bus, first)).stored[2:]]
        assert after == [event.id for event in won[0].events]


async def test_a2_a_decision_returns_the_sequence_of_its_last_event(bus, project):
    first, sequence = await running(bus, project)

    last = await bus.events.append(next_decision(first, sequence, 3, count=3))

    assert last == (await log_of(bus, first)).sequence == sequence + 3


async def test_a3_two_decisions_about_one_execution_never_share_a_batch(bus, project):
    for _ in range(5):
        first, sequence = await running(bus, project)
        rivals = [next_decision(first, sequence, 3), next_decision(first, sequence, 3, wake="default.high")]
        crowd = [creation(project) for _ in range(60)]

        results = await outcomes(bus.events, *crowd[:30], rivals[0], rivals[1], *crowd[30:])

        assert sorted(type(each).__name__ for each in results[30:32]) == ["FenceLost", "int"]
        assert all(isinstance(each, int) for each in results[:30] + results[32:])
        assert len((await log_of(bus, first)).stored) == 3


async def test_a3_the_second_of_a_chain_may_be_appended_before_the_first_is_answered(bus, project):
    first, sequence = await running(bus, project)

    results = await outcomes(
        bus.events, next_decision(first, sequence, 3), next_decision(first, sequence + 1, 4)
    )

    assert results == [sequence + 1, sequence + 2]


async def test_a4_decisions_in_hand_together_share_batches_of_400_at_most(bus, project):
    crowd = [creation(project) for _ in range(1000)]

    sequences = await outcomes(bus.events, *crowd)

    batches = [await batch_of(bus, decision) for decision in crowd[::10]]
    assert len(set(sequences)) == 1000
    assert None not in batches
    assert 3 <= len(set(batches)) <= 8
    for decision, sequence in zip(crowd[::10], sequences[::10], strict=True):
        assert (await log_of(bus, decision)).sequence == sequence


async def test_a4_a_decision_alone_in_hand_needs_no_batch(bus, project):
    first = creation(project)

    await bus.events.append(first)

    assert await batch_of(bus, first) is None


async def test_a4_stale_decisions_do_not_sink_those_they_travel_with(bus, other, project):
    held = [await running(bus, project) for _ in range(4)]
    stale = [next_decision(first, sequence - 1, 2) for first, sequence in held]
    crowd = [creation(project) for _ in range(96)]
    mixed = [decision for i in range(4) for decision in (*crowd[24 * i : 24 * i + 24], stale[i])]

    results = await outcomes(other.events, *mixed)

    refused = [i for i, result in enumerate(results) if isinstance(result, FenceLost)]
    assert refused == [24, 49, 74, 99]
    assert all(isinstance(result, int) for i, result in enumerate(results) if i not in refused)
    assert [results[i].floor for i in refused] == [sequence for _, sequence in held]


async def test_a4_with_all_batch_places_of_the_server_taken_decisions_go_on_singly(tmp_path):
    with one_server(tmp_path) as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection)
        for i in range(50):
            headers = block(("Nats-Batch-Id", f"open{i}"), ("Nats-Batch-Sequence", "1"))
            bus.connection.send(f"onward.ev.p.0.open{i}.e", b"{}", headers=headers)
        await bus.connection.flush()

        results = await outcomes(bus.events, *(creation("p") for _ in range(30)))

        assert all(isinstance(result, int) for result in results), results
        await bus.close()


async def test_a6_a_full_store_refuses_and_keeps_what_it_has(tmp_path):
    with one_server(tmp_path) as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection, limits=Limits(events_bytes=100_000, logs_bytes=100_000))
        padding = {"labels": {"padding": "x" * 4000}}
        kept = [creation("p", **padding) for _ in range(10)]
        await outcomes(bus.events, *kept)

        results = await outcomes(bus.events, *(creation("p", **padding) for _ in range(40)))

        assert {type(result) for result in results} == {int, StoreFull}
        assert [(await log_of(bus, first)).execution.n for first in kept] == [1] * 10
        with pytest.raises(StoreFull):
            await bus.events.append(creation("p", **padding))
        await bus.close()


async def test_what_no_message_can_hold_is_refused_before_it_is_sent(bus, project):
    with pytest.raises(TooLarge):
        await bus.events.append(creation(project, labels={"padding": "x" * 1_100_000}))


@pytest.mark.parametrize("project", ["p 1\r\nPUB onward.ev.x 0", "p.1", "*", ">", ""])
async def test_text_that_would_change_the_subject_is_refused(bus, project):
    with pytest.raises(InvalidName):
        await bus.events.append(creation(project))


@pytest.mark.parametrize("execution_id", ["*", ">", "x.e", 'x"}', "x\r\n"])
async def test_no_text_makes_a_read_or_a_write_reach_another_log(bus, project, execution_id):
    for attempt in (
        lambda: bus.events.read(project, execution_id, route="default.normal"),
        lambda: bus.lines.read(project, execution_id),
        lambda: bus.lines.append(project, execution_id, b"x", 0),
        lambda: timers.purge(bus.connection, project, execution_id),
        lambda: config.put(bus.connection, project, "queue", execution_id, b"x", 0),
    ):
        with pytest.raises(InvalidName):
            await attempt()


async def test_the_trace_of_an_event_goes_along_as_a_header(bus, project):
    first = creation(project)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = first.events[0]
    traced = Decision(
        project=project, execution_id=first.execution_id, expected=0,
        events=(type(event)(**{f: getattr(event, f) for f in event.__struct_fields__} | {"trace": trace}),),
    )  # fmt: skip

    await bus.events.append(traced)

    [headers] = await stored_headers(bus, first)
    assert header(headers, b"traceparent") == trace


async def test_an_appender_that_gives_up_hinders_nobody_behind_it(bus, project):
    first, sequence = await running(bus, project)
    gone = asyncio.create_task(bus.events.append(next_decision(first, sequence, 3)))
    await asyncio.sleep(0)

    gone.cancel()
    [result] = await outcomes(bus.events, next_decision(first, sequence, 3))

    assert isinstance(result, int | FenceLost)
    assert len((await log_of(bus, first)).stored) == 3
