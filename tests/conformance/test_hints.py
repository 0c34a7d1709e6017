"""HintSource: what the work queue promises, in memory and on NATS."""

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from onward.contract import events as ev
from onward.contract import ids
from onward.contract.errors import Unavailable
from onward.contract.log import Decision
from tests.conformance.conftest import ACK_WAIT, within
from tests.support.builders import event

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def wake(world, port):
    """Stores a submission that wakes a route; returns (execution id, its sequence)."""

    async def submit(route: str = "default.normal", *, then=(), **fields) -> tuple[str, int]:
        execution_id = ids.new_id(1_700_000_000_000, os.urandom(10))
        own = {"project": world.project, "execution_id": execution_id}
        first = event(ev.Submitted, 1, **{"wake": route, "routes": (route,), **own, **fields})
        rest = [event(kind, n, routes=(route,), **own) for n, kind in enumerate(then, 2)]
        decision = Decision(
            project=world.project, execution_id=execution_id, expected=0, events=(first, *rest)
        )
        return execution_id, await port.events.append(decision)

    return submit


async def silent(source, seconds: float) -> bool:
    """Whether nothing comes for so long. What comes after all is given back."""
    try:
        for hint in await within(seconds, source.take(1)):
            await source.give_back(hint)
    except TimeoutError:
        return True
    return False


async def test_a_wake_event_becomes_a_hint_that_says_where_it_comes_from(hints, wake):
    execution_id, sequence = await wake()
    (hint,) = await within(5, hints.take(1))
    assert (hint.execution_id, hint.route, hint.floor, hint.fired) == (
        execution_id,
        "default.normal",
        sequence,
        None,
    )
    assert (hint.submitted.n, hint.submitted.execution_id) == (1, execution_id)
    assert hint.work_sequence > 0


async def test_a_later_wake_is_a_hint_without_the_submission(world, hints, wake, port):
    execution_id, sequence = await wake(then=(ev.Started,))
    (first,) = await within(5, hints.take(1))
    own = {"project": world.project, "execution_id": execution_id}
    recovered = event(ev.Recovered, 3, **own)
    last = await port.events.append(
        Decision(project=world.project, execution_id=execution_id, expected=sequence, events=(recovered,))
    )
    (second,) = await within(5, hints.take(1))
    assert (second.submitted, second.floor) == (None, last)
    assert second.work_sequence > first.work_sequence


async def test_what_is_no_wake_is_no_hint(hints, wake):
    await wake(wake=None, due=datetime.now(UTC) + timedelta(hours=1))
    marker, _ = await wake()
    (hint,) = await within(5, hints.take(5))
    assert hint.execution_id == marker


async def test_a_take_waits_until_there_is_something(hints, wake):
    taking = asyncio.ensure_future(hints.take(3))
    await asyncio.sleep(0.2)
    assert not taking.done()
    execution_id, _ = await wake()
    assert [hint.execution_id for hint in await within(5, taking)] == [execution_id]


async def test_who_waits_for_a_hint_and_is_roused_gets_nothing_and_may_ask_again(hints, wake):
    taking = asyncio.ensure_future(hints.take(3))
    await asyncio.sleep(0.2)
    hints.rouse()
    assert await within(5, taking) == []
    hints.rouse()  # nobody waits: the next one is not disturbed by it
    execution_id, _ = await wake()
    assert [hint.execution_id for hint in await within(5, hints.take(3))] == [execution_id]


async def test_a_take_never_gives_more_than_was_asked_for(hints, wake):
    made = {(await wake())[0] for _ in range(7)}
    taken = []
    while len(taken) < 7:
        portion = await within(5, hints.take(3))
        assert 1 <= len(portion) <= 3
        taken += portion
    assert {hint.execution_id for hint in taken} == made
    assert len(taken) == 7


async def test_a_worker_sees_its_own_queues_only(world, port, hints, wake):
    gpu, _ = await wake("gpu.normal")
    assert await silent(hints, 0.3)
    of_gpu = port.hints(world.project, ["gpu"])
    assert [hint.execution_id for hint in await within(5, of_gpu.take(1))] == [gpu]
    await of_gpu.close()


async def test_the_highest_class_comes_first(hints, wake):
    made = {cls: (await wake(f"default.{cls}"))[0] for cls in ("low", "normal", "high")}
    await asyncio.sleep(0.3)
    order = [(await within(5, hints.take(1)))[0].execution_id for _ in range(3)]
    assert order == [made["high"], made["normal"], made["low"]]


async def test_an_acked_hint_never_comes_again(hints, wake):
    await wake()
    (hint,) = await within(5, hints.take(1))
    await hints.ack(hint)
    assert await silent(hints, 1.7 * ACK_WAIT)


async def test_a_hint_that_nobody_renews_comes_again_to_anybody(hints, others_hints, wake):
    await wake()
    (first,) = await within(5, hints.take(1))
    (again,) = await within(4 * ACK_WAIT, others_hints.take(1))
    assert (again.execution_id, again.work_sequence) == (first.execution_id, first.work_sequence)
    assert again.ack_subject != first.ack_subject


async def test_a_hint_that_is_renewed_stays_where_it_is(hints, others_hints, wake):
    await wake()
    (hint,) = await within(5, hints.take(1))

    async def renew():
        while True:
            await asyncio.sleep(ACK_WAIT / 3)
            await hints.renew([hint.ack_subject])

    renewing = asyncio.ensure_future(renew())
    stayed = await silent(others_hints, 2.5 * ACK_WAIT)
    renewing.cancel()
    assert stayed


async def test_a_hint_given_back_is_somebody_s_at_once(hints, others_hints, wake):
    await wake()
    (hint,) = await within(5, hints.take(1))
    taking = asyncio.ensure_future(others_hints.take(1))
    await asyncio.sleep(0.1)
    await hints.give_back(hint)
    (again,) = await within(0.5 * ACK_WAIT, taking)
    assert again.work_sequence == hint.work_sequence


async def test_a_hint_given_back_for_later_is_nobody_s_until_then(hints, others_hints, wake):
    await wake()
    (hint,) = await within(5, hints.take(1))

    began = time.monotonic()
    await hints.give_back(hint, after=0.5)

    (again,) = await within(20, others_hints.take(1))
    assert again.work_sequence == hint.work_sequence
    assert time.monotonic() - began >= 0.45


async def test_a_late_ack_removes_a_hint_from_under_who_holds_it_now(hints, others_hints, wake):
    # Not wished for: it is how the server is, and why PROTOCOL H1 claims from no sequence twice.
    await wake()
    (first,) = await within(5, hints.take(1))
    await within(4 * ACK_WAIT, others_hints.take(1))
    await hints.ack(first)
    assert await silent(others_hints, 1.7 * ACK_WAIT)


async def test_what_is_closed_gives_nothing_and_keeps_nothing(hints, others_hints, wake):
    taking = asyncio.ensure_future(hints.take(2))
    await asyncio.sleep(0.1)
    await hints.close()
    execution_id, _ = await wake()
    (hint,) = await within(0.9 * ACK_WAIT, others_hints.take(1))
    assert hint.execution_id == execution_id
    taking.cancel()
    with pytest.raises((asyncio.CancelledError, Unavailable)):
        await taking
    with pytest.raises(Unavailable):
        await within(1, hints.take(1))


async def test_two_workers_share_the_work(hints, others_hints, wake):
    made = {(await wake())[0] for _ in range(10)}
    one, two = await within(5, hints.take(5)), await within(5, others_hints.take(5))
    while len(one) + len(two) < 10:
        two += await within(5, others_hints.take(5))
    assert {hint.execution_id for hint in (*one, *two)} == made


async def test_m_1_a_due_time_becomes_a_hint_that_names_the_event(world, hints, wake, port):
    due = world_now(world) + timedelta(seconds=0.4)
    execution_id, sequence = await wake(wake=None, due=due)
    log = await port.events.read(world.project, execution_id)
    await world.keep_time(log.stored[0].event, sequence)
    (hint,) = await within(5, hints.take(1))
    assert (hint.execution_id, hint.fired, hint.floor, hint.submitted) == (execution_id, 1, sequence, None)
    assert hint.route == "default.normal"


async def test_m_1_a_due_time_that_has_passed_fires_at_once(world, hints, wake, port):
    execution_id, sequence = await wake(wake=None, due=world_now(world) - timedelta(hours=1))
    log = await port.events.read(world.project, execution_id)
    await world.keep_time(log.stored[0].event, sequence)
    (hint,) = await within(5, hints.take(1))
    assert hint.execution_id == execution_id


async def test_unreadable_hints_never_come_out(world, hints, wake):
    if world.name == "nats":
        await world.publish_garbage()
    execution_id, _ = await wake()
    (hint,) = await within(5, hints.take(1))
    assert hint.execution_id == execution_id


def world_now(world) -> datetime:
    return world.bus.now() if world.name == "memory" else datetime.now(UTC)


async def test_nothing_is_taken_from_a_queue_that_is_held_back_until_it_is_let_go(world, port, wake):
    source = port.hints(world.project, ["default", "gpu"])
    await wake()
    (taken,) = await within(5, source.take(1))
    await source.ack(taken)

    source.hold_back(frozenset({"default"}))
    held, _ = await wake("default.high")
    free, _ = await wake("gpu.low")
    (taken,) = await within(5, source.take(5))
    await source.ack(taken)
    assert (taken.execution_id, await silent(source, 0.5)) == (free, True)

    source.hold_back(frozenset())
    (taken,) = await within(5, source.take(5))
    assert taken.execution_id == held
    await source.close()
