"""The faults that the bus in memory can be told to have; without any, the conformance suite speaks for it."""

import asyncio

import pytest

from onward.contract import events as ev
from onward.contract.errors import Behind, FenceLost, StoreFull, Unavailable
from onward.contract.log import Decision
from onward.testing.bus import MemoryBus
from onward.testing.faults import Faults
from onward.testing.messages import matches
from onward.testing.virtual_loop import simulate
from tests.support.builders import EXECUTION, PROJECT, event, events


def creation(execution_id: str = EXECUTION) -> Decision:
    made = event(ev.Submitted, 1, execution_id=execution_id)
    return Decision(project=PROJECT, execution_id=execution_id, expected=0, events=(made,))


def run(scenario, seed: int = 1, **options):
    async def main(random):
        return await scenario(MemoryBus(random, **options))

    return simulate(seed, main)


def outcomes(scenario, seeds=range(200), **options) -> list:
    return [run(scenario, seed, **options) for seed in seeds]


async def append_once(bus):
    try:
        told = await bus.process("a").events.append(creation())
    except Unavailable:
        told = None
    await asyncio.sleep(60)
    return told, bus.events.last


def test_a_reply_that_is_lost_is_resolved_and_nothing_is_stored_twice():
    found = outcomes(append_once, faults=Faults(unanswered=0.5))
    assert {last for told, last in found if told} == {1}
    assert sum(told == 1 for told, _ in found) > 150
    assert max(last for _, last in found) == 1


def test_an_append_that_nobody_ever_answers_is_unknown_and_may_be_stored_or_not():
    found = set(outcomes(append_once, faults=Faults(unanswered=1.0)))
    assert {told for told, _ in found} <= {None, 1}
    never = [run(append_once, seed, faults=Faults(unanswered=1.0)) for seed in range(300)]
    assert any(told is None for told, _ in never)


def test_what_a_caller_gave_up_on_may_still_be_carried_out():
    async def scenario(bus):
        process = bus.process("a", Faults(unanswered=1.0))
        with pytest.raises(Unavailable):
            await process.lines.last(PROJECT, EXECUTION)
        try:
            async with asyncio.timeout(0.5):
                await process.events.append(creation())
        except TimeoutError:
            at_once = bus.events.last
        await asyncio.sleep(10)
        return at_once, bus.events.last

    found = set(outcomes(scenario))
    assert found >= {(0, 0), (1, 1)}


def test_a_stale_read_shows_an_earlier_log_and_is_refused_below_its_floor():
    async def scenario(bus):
        process = bus.process("a", Faults(stale=1.0))
        writer = bus.process("b")
        made = events(ev.Submitted, ev.Started, ev.CheckpointReached, ev.CheckpointReached)
        expected = 0
        for one in made:
            expected = await writer.events.append(
                Decision(project=PROJECT, execution_id=EXECUTION, expected=expected, events=(one,))
            )
        log = await process.events.read(PROJECT, EXECUTION)
        seen = 0 if log is None else log.execution.n
        try:
            floored = await process.events.read(PROJECT, EXECUTION, floor=4)
        except Behind:
            return seen, None
        return seen, floored.execution.n

    found = outcomes(scenario)
    assert {seen for seen, _ in found} >= {0, 1, 2, 3, 4}
    assert {floored for _, floored in found} == {None, 4}


def test_a_process_that_is_killed_does_nothing_any_more():
    async def scenario(bus):
        process = bus.process("a")
        steps = []

        async def work() -> None:
            for i in range(100):
                await process.lines.last(PROJECT, EXECUTION)
                steps.append(i)

        task = process.run(work())
        await asyncio.sleep(0)
        process.kill()
        count = len(steps)
        await asyncio.sleep(10)
        with pytest.raises(asyncio.CancelledError):
            await process.events.append(creation())
        return task.cancelled(), len(steps) - count, bus.events.last

    assert run(scenario) == (True, 0, 0)


def test_tasks_that_a_process_started_die_with_it():
    async def scenario(bus):
        process, alive, kept = bus.process("a"), [], []

        async def child() -> None:
            while True:
                await asyncio.sleep(1)
                alive.append(True)

        async def parent() -> None:
            kept.append(asyncio.ensure_future(child()))
            await asyncio.sleep(1000)

        process.run(parent())
        await asyncio.sleep(5.5)
        process.kill()
        await asyncio.sleep(20)
        return len(alive)

    assert run(scenario) == 5


@pytest.mark.parametrize("after, stored", [(False, 0), (True, 1)])
def test_a_process_can_die_before_or_after_its_request_takes_effect(after, stored):
    async def scenario(bus):
        process = bus.process("a")
        process.kill_at(1, after=after)
        task = process.run(process.events.append(creation()))
        await asyncio.wait([task])
        return process.dead, bus.events.last

    assert run(scenario) == (True, stored)


def test_what_is_cut_off_waits_and_arrives_late():
    async def scenario(bus):
        process = bus.process("a")
        process.cut()
        task = process.run(process.events.append(creation()))
        await asyncio.sleep(100)
        before = bus.events.last
        process.heal()
        await task
        return before, bus.events.last

    assert run(scenario) == (0, 1)


def test_a_full_store_takes_nothing_and_says_so():
    async def scenario(bus):
        bus.events.full = True
        with pytest.raises(StoreFull):
            await bus.process("a").events.append(creation())
        bus.events.full = False
        return await bus.process("a").events.append(creation())

    assert run(scenario) == 1


def test_refusals_are_counted():
    async def scenario(bus):
        process = bus.process("a")
        await process.events.append(creation())
        with pytest.raises(FenceLost):
            await process.events.append(creation())
        return bus.events.refused

    assert run(scenario) == 1


def test_a_restart_of_the_queue_hands_out_again_what_is_held():
    async def scenario(bus):
        one, two = bus.process("a"), bus.process("b")
        await one.events.append(creation())
        (held,) = await one.hints(PROJECT, ["default"]).take(1)
        bus.work.restart()
        (again,) = await two.hints(PROJECT, ["default"]).take(1)
        return held.work_sequence == again.work_sequence

    assert run(scenario) is True


def test_a_lease_may_be_handed_out_a_second_time_though_it_is_renewed():
    async def scenario(bus):
        one, two = bus.process("a"), bus.process("b", Faults())
        await one.events.append(creation())
        (held,) = await one.hints(PROJECT, ["default"]).take(1)

        async def renew() -> None:
            source = one.hints(PROJECT, [])
            while True:
                await source.renew([held.ack_subject])
                await asyncio.sleep(1)

        one.run(renew())
        try:
            async with asyncio.timeout(100):
                return bool(await two.hints(PROJECT, ["default"]).take(1))
        except TimeoutError:
            return False

    assert not any(outcomes(scenario, range(10)))
    assert all(outcomes(scenario, range(10), faults=Faults(redelivery=1.0)))


@pytest.mark.parametrize(
    "pattern, subject, fits",
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("a.b", "a", False),
        ("a", "a.b", False),
        ("*", "a", True),
    ],
)
def test_subjects_match_as_on_nats(pattern, subject, fits):
    assert matches(tuple(pattern.split(".")), subject) is fits


def test_two_buses_of_one_seed_give_the_same_ids():
    async def scenario(bus):
        return [bus.new_id() for _ in range(3)]

    assert run(scenario) == run(scenario) != run(scenario, 2)
