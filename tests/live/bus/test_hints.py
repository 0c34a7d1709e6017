"""WORK as a worker sees it: classes, leases, H4, H5."""

import asyncio
import time
from collections import Counter

import pytest

from onward.bus.api import call
from onward.bus.streams import hint_directly
from onward.bus.topology import ensure_queue
from onward.contract import subjects
from onward.contract.errors import Misconfigured, Unavailable
from tests.live.bus.making import creation, new_id, outcomes, until

ACK_WAIT = 1.0


@pytest.fixture
async def queue(bus, project):
    await ensure_queue(bus.connection, project, "default", ack_wait=ACK_WAIT)
    return "default"


@pytest.fixture
async def hints(bus, project, queue):
    source = bus.hints(project, [queue])
    yield source
    await source.close()


async def take(source, most=10, timeout=10.0):
    async with asyncio.timeout(timeout):
        return await source.take(most)


async def waiting(bus, project):
    """How many hints WORK holds for this project."""
    body = {"subjects_filter": f"onward.work.{project}.>"}
    info = await call(bus.connection, f"STREAM.INFO.{subjects.WORK}", body)
    return sum((info["state"].get("subjects") or {}).values())


async def submitted(bus, project, count, **fields):
    """So many executions, once WORK holds their hints."""
    before = await waiting(bus, project)
    made = [creation(project, **fields) for _ in range(count)]
    await outcomes(bus.events, *made)

    async def there():
        return await waiting(bus, project) == before + count

    await until(there)
    return made


async def test_a_submission_becomes_a_hint_that_says_where_it_comes_from(bus, hints, project):
    first = creation(project)
    sequence = await bus.events.append(first)

    [hint] = await take(hints)

    assert (hint.project, hint.execution_id, hint.route) == (project, first.execution_id, "default.normal")
    assert hint.floor == sequence
    assert hint.fired is None
    assert hint.submitted == first.events[0]
    assert hint.work_sequence > 0
    await hints.ack(hint)
    assert await waiting(bus, project) == 0


async def test_each_class_comes_by_its_weight_and_none_starves(bus, hints, project):
    for priority in (1, 5, 9):
        await submitted(bus, project, 40, priority=priority)

    order = []
    while len(order) < 120:
        for hint in await take(hints, 7):
            order.append(hint.route.rpartition(".")[2])
            await hints.ack(hint)

    early = Counter(order[:52])
    assert order[0] == "high"
    assert (34 <= early["high"] <= 38, 10 <= early["normal"] <= 14, 2 <= early["low"] <= 5) == (True,) * 3
    assert Counter(order) == {"high": 40, "normal": 40, "low": 40}


@pytest.mark.parametrize("weights, of_one", [({}, 10), ({"one": 4.0}, 16)])
async def test_queues_take_turns_by_their_weights(bus, project, weights, of_one):
    for name in ("one", "two"):
        await ensure_queue(bus.connection, project, name)
        await submitted(bus, project, 20, queue=name)
    source = bus.hints(project, ["one", "two"], weights)

    order = []
    while len(order) < 20:
        for hint in await take(source, 2):
            order.append(hint.route)
            await source.ack(hint)

    assert abs(order.count("one.normal") - of_one) <= 1
    await source.close()


async def test_never_more_hints_come_than_were_asked_for(bus, other, hints, project):
    """What one worker has no slot for is free for the other, long before the lease would end."""
    await submitted(bus, project, 50)
    rival = other.hints(project, ["default"])

    mine = await take(hints, 3)
    theirs = []
    while len(theirs) < 47:
        theirs += await take(rival, 50, timeout=ACK_WAIT / 2)

    assert len(mine) == 3
    assert len({hint.execution_id for hint in mine + theirs}) == 50
    await rival.close()


async def test_a_hint_that_comes_while_nobody_takes_goes_to_another_worker(bus, other, hints, project):
    rival = other.hints(project, ["default"])
    idle = asyncio.create_task(hints.take(1))
    await until(lambda: all(lane.quiet for lane in hints._lanes))
    idle.cancel()
    await asyncio.gather(idle, return_exceptions=True)

    begun = time.monotonic()
    await bus.events.append(creation(project))
    [hint] = await take(rival)

    assert time.monotonic() - begun < ACK_WAIT / 2
    await rival.ack(hint)
    await rival.close()


async def test_hints_of_all_classes_at_once_do_not_overfill_one_free_slot(bus, other, hints, project):
    taking = asyncio.create_task(take(hints, 1))
    await until(lambda: all(lane.quiet for lane in hints._lanes))
    made = [creation(project, priority=priority) for priority in (1, 5, 9)]

    await outcomes(bus.events, *made)
    mine = await taking

    rival, theirs = other.hints(project, ["default"]), []
    while len(theirs) < 2:
        theirs += await take(rival, 3, timeout=ACK_WAIT / 2)
    assert len(mine) == 1
    assert {hint.execution_id for hint in mine + theirs} == {first.execution_id for first in made}
    await rival.close()


async def test_a_waiting_worker_hears_of_each_class_at_once(bus, hints, project):
    for priority in (1, 5, 9, 5, 1, 9):
        taking = asyncio.create_task(take(hints))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        await bus.events.append(creation(project, priority=priority))

        [hint] = await taking

        assert time.monotonic() - begun < 0.5
        await hints.ack(hint)


async def test_what_is_given_back_is_there_at_once(bus, other, hints, project):
    await submitted(bus, project, 1)
    rival = other.hints(project, ["default"])
    [hint] = await take(hints)

    begun = time.monotonic()
    await hints.give_back(hint)
    [again] = await take(rival)

    assert time.monotonic() - begun < ACK_WAIT / 2
    assert again.work_sequence == hint.work_sequence
    await rival.close()


async def test_a_renewed_hint_is_not_handed_out_again(bus, other, hints, project):
    await submitted(bus, project, 2)
    kept, lost = await take(hints, 2)
    rival = other.hints(project, ["default"])
    taking = asyncio.create_task(take(rival, 2))

    for _ in range(6):
        await hints.renew([kept.ack_subject])
        await asyncio.sleep(ACK_WAIT / 3)

    assert [hint.execution_id for hint in await taking] == [lost.execution_id]
    await rival.close()


async def test_h4_a_hint_is_never_given_up(bus, hints, project):
    await submitted(bus, project, 1)

    deliveries = [(await take(hints))[0] for _ in range(4)]

    assert len({hint.work_sequence for hint in deliveries}) == 1
    for cls in subjects.CLASSES:
        name = subjects.consumer(project, "default", cls)
        config = (await call(bus.connection, f"CONSUMER.INFO.{subjects.WORK}.{name}"))["config"]
        assert config["max_deliver"] == -1
        assert config["ack_policy"] == "explicit"
        assert config["max_ack_pending"] >= 10_000
        assert not config.get("backoff")


async def test_h4_other_settings_of_a_queue_are_not_overwritten_silently(bus, queue, project):
    await ensure_queue(bus.connection, project, queue, ack_wait=ACK_WAIT)

    with pytest.raises(Misconfigured):
        await ensure_queue(bus.connection, project, queue, ack_wait=9.0)


async def test_h5_a_direct_hint_names_its_event_like_a_sourced_one(bus, hints, project):
    first = creation(project)
    sequence = await bus.events.append(first)
    [sourced] = await take(hints)

    await hint_directly(bus.connection, first.events[0], sequence)

    [direct] = await take(hints)
    assert direct.floor == sourced.floor == sequence
    assert direct.submitted == sourced.submitted
    assert direct.work_sequence != sourced.work_sequence


async def test_an_unreadable_hint_is_dropped_and_hinders_nobody(bus, hints, project):
    await bus.connection.request(subjects.hint(project, "default.normal", new_id()), b"\xff not JSON")
    await submitted(bus, project, 1)

    [hint] = await take(hints)

    await hints.ack(hint)

    async def gone():
        return await waiting(bus, project) == 0

    await until(gone)


async def test_queues_whose_names_join_alike_share_no_hints(bus, project):
    await ensure_queue(bus.connection, project, "a-b")
    await ensure_queue(bus.connection, f"{project}-a", "b")
    await bus.events.append(creation(f"{project}-a", queue="b"))
    source = bus.hints(f"{project}-a", ["b"])

    [hint] = await take(source)

    assert hint.project == f"{project}-a"
    await source.close()


async def test_a_queue_without_consumers_is_waited_for(bus, project):
    source = bus.hints(project, ["later"])
    taking = asyncio.create_task(take(source))
    await asyncio.sleep(0.2)
    await bus.events.append(creation(project, queue="later"))

    await ensure_queue(bus.connection, project, "later")

    assert len(await taking) == 1
    await source.close()


async def test_taking_goes_on_after_the_connection_was_lost(bus, wire, far, project, queue):
    source = far.hints(project, [queue])
    taking = asyncio.create_task(take(source))
    await until(lambda: all(lane.quiet for lane in source._lanes))

    wire.cut()
    await bus.events.append(creation(project))

    [hint] = await taking
    await source.ack(hint)
    assert await waiting(bus, project) == 0
    await source.close()


async def test_a_forgotten_pull_is_noticed_by_its_missing_heartbeats(  # noqa: PLR0917
    bus, wire, far, project, queue, monkeypatch
):
    monkeypatch.setattr("onward.bus.lanes.HEARTBEAT_SECONDS", 0.5)
    source = far.hints(project, [queue])
    taking = asyncio.create_task(take(source))
    await until(lambda: all(lane.quiet for lane in source._lanes))
    wire.swallow = True
    await bus.events.append(creation(project))
    name = subjects.consumer(project, queue, "normal")

    async def handed_out_in_vain():
        info = await call(bus.connection, f"CONSUMER.INFO.{subjects.WORK}.{name}")
        return info["num_ack_pending"] == 1 and info["num_waiting"] == 0

    await until(handed_out_in_vain)
    wire.swallow = False

    assert len(await taking) == 1
    await source.close()


async def test_closing_gives_back_what_is_buffered_and_ends_a_take(bus, other, hints, project):
    idle = asyncio.create_task(hints.take(1))
    await until(lambda: all(lane.quiet for lane in hints._lanes))
    await hints.close()
    with pytest.raises(Unavailable):
        await idle

    rival = other.hints(project, ["default"])
    await bus.events.append(creation(project))
    assert len(await take(rival, timeout=5)) == 1
    await rival.close()


async def test_an_ack_without_a_server_is_refused(far, wire, project, queue, bus):
    source = far.hints(project, [queue])
    await bus.events.append(creation(project))
    [hint] = await take(source)
    wire.refuse = True
    wire.cut()

    with pytest.raises(Unavailable):
        await source.ack(hint)

    wire.refuse = False
    await until(lambda: far.connection.connected)
    await source.ack(hint)
    assert await waiting(bus, project) == 0
    await source.close()
