"""EventLog: what the log promises, in memory and on NATS."""

import asyncio
import os

import pytest

from onward.contract import events as ev
from onward.contract import ids
from onward.contract.decide import Moment, envelope
from onward.contract.errors import Behind, BrokenLog, FenceLost
from onward.contract.log import Decision
from tests.support.builders import T0, event, raw, submitted

pytestmark = pytest.mark.timeout(60)


def new_id() -> str:
    return ids.new_id(1_700_000_000_000, os.urandom(10))


class Execution:
    """One execution, appended to by a test that need not be legal."""

    def __init__(self, world, port) -> None:
        self.id, self.world, self.port = new_id(), world, port
        self.n = self.last = 0

    def events(self, *kinds):
        made = []
        for i, kind in enumerate(kinds, 1):
            cls, fields = kind if isinstance(kind, tuple) else (kind, {})
            own = {"id": new_id(), "project": self.world.project, "execution_id": self.id}
            made.append(event(cls, self.n + i, **{**own, **fields}))
        return tuple(made)

    def decision(self, *kinds, expected=None):
        expected = self.last if expected is None else expected
        return Decision(
            project=self.world.project, execution_id=self.id, expected=expected, events=self.events(*kinds)
        )

    async def append(self, *kinds) -> int:
        decision = self.decision(*kinds)
        self.last = await self.port.events.append(decision)
        self.n += len(decision.events)
        return self.last

    async def read(self, **options):
        return await self.port.events.read(self.world.project, self.id, **options)


@pytest.fixture
def execution(world, port):
    return Execution(world, port)


def kinds_of(log) -> list[str]:
    return [ev.event_type(item.event) for item in log.stored]


# append


async def test_an_append_returns_the_sequence_of_its_last_event(execution):
    first = await execution.append(ev.Submitted)
    third = await execution.append(ev.Started, ev.CheckpointReached)
    log = await execution.read()
    assert [item.sequence for item in log.stored] == [first, third - 1, third]
    assert log.sequence == third


async def test_what_is_stored_is_what_was_decided(execution):
    decision = execution.decision((ev.Submitted, {"input": raw({"ü": [1, None]}), "labels": {"a": "b"}}))
    await execution.port.events.append(decision)
    log = await execution.read()
    assert [ev.encode(item.event) for item in log.stored] == [ev.encode(one) for one in decision.events]


async def test_a_1_an_append_behind_the_tail_is_refused_and_stores_nothing(execution):
    await execution.append(ev.Submitted)
    await execution.append(ev.Started)
    with pytest.raises(FenceLost):
        await execution.port.events.append(
            execution.decision(ev.CheckpointReached, expected=execution.last - 1)
        )
    assert kinds_of(await execution.read()) == ["submitted", "started"]


async def test_a_1_the_fence_spans_wake_subjects(execution):
    await execution.append(ev.Submitted)
    stale = execution.last
    await execution.append(ev.Started, ev.Recovered)
    for kind in (ev.Cancelled, ev.CancelRequested):
        with pytest.raises(FenceLost):
            await execution.port.events.append(execution.decision(kind, expected=stale))


async def test_a_1_a_log_is_created_once(execution):
    await execution.append(ev.Submitted)
    with pytest.raises(FenceLost):
        await execution.port.events.append(execution.decision(ev.Submitted, expected=0))


async def test_a_1_a_refusal_names_a_floor_that_the_next_read_reaches(execution, other, world):
    await execution.append(ev.Submitted)
    await execution.append(ev.Started, ev.CheckpointReached)
    with pytest.raises(FenceLost) as lost:
        await other.events.append(execution.decision(ev.Cancelled, expected=0))
    log = await other.events.read(world.project, execution.id, floor=lost.value.floor)
    assert log.sequence == execution.last


async def test_a_1_of_racing_appends_one_wins(execution, other):
    await execution.append(ev.Submitted)
    decisions = [execution.decision(ev.Cancelled) for _ in range(20)]
    ports = [execution.port.events, other.events]
    outcomes = await asyncio.gather(
        *(ports[i % 2].append(decision) for i, decision in enumerate(decisions)), return_exceptions=True
    )
    won = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, int)]
    assert len(won) == 1
    assert all(isinstance(outcome, FenceLost) for i, outcome in enumerate(outcomes) if i not in won)
    log = await execution.read(floor=outcomes[won[0]])
    assert log.stored[-1].event.id == decisions[won[0]].events[0].id


async def test_a_2_a_decision_is_stored_whole_or_not_at_all(execution, other):
    await execution.append(ev.Submitted)
    decisions = [execution.decision(ev.Started, ev.CheckpointReached, ev.Completed) for _ in range(8)]
    outcomes = await asyncio.gather(
        *((execution.port, other)[i % 2].events.append(d) for i, d in enumerate(decisions)),
        return_exceptions=True,
    )
    won = [d for d, outcome in zip(decisions, outcomes, strict=True) if isinstance(outcome, int)]
    assert len(won) == 1
    log = await execution.read()
    assert [item.event.id for item in log.stored[1:]] == [one.id for one in won[0].events]


async def test_a_3_decisions_of_many_executions_at_once_are_all_stored_each_in_its_own_log(world, port):
    many = [Execution(world, port) for _ in range(150)]
    lasts = await asyncio.gather(*(one.append(ev.Submitted, ev.Started) for one in many))
    logs = await asyncio.gather(*(one.read() for one in many))
    assert [log.sequence for log in logs] == lasts
    assert all(
        [item.event.execution_id for item in log.stored] == [one.id] * 2
        for one, log in zip(many, logs, strict=True)
    )


async def test_a_3_two_decisions_of_one_execution_at_once_are_never_both_stored(execution):
    await execution.append(ev.Submitted)
    for _ in range(10):
        both = [execution.decision(ev.Started), execution.decision(ev.Cancelled)]
        outcomes = await asyncio.gather(*map(execution.port.events.append, both), return_exceptions=True)
        stored = [outcome for outcome in outcomes if isinstance(outcome, int)]
        assert len(stored) == 1
        execution.last, execution.n = stored[0], execution.n + 1


# read


async def test_a_log_that_never_was_is_none(execution):
    assert await execution.read() is None
    assert await execution.read(route="default.normal") is None


async def test_a_log_is_read_whole_over_all_its_subjects(execution, other, world):
    await execution.append((ev.Submitted, {"wake": None, "due": T0}))
    await execution.append((ev.Started, {"fired": 1}), ev.Recovered)
    routes = ("default.normal", "gpu.high")
    await execution.append(
        (ev.Started, {"attempt": 2}), (ev.Recovered, {"attempt": 2, "wake": "gpu.high", "routes": routes})
    )
    await execution.append((ev.Started, {"attempt": 3, "routes": routes}))
    for route in (None, "default.normal", "gpu.high"):
        log = await other.events.read(world.project, execution.id, route=route)
        assert [item.event.n for item in log.stored] == [1, 2, 3, 4, 5, 6]
        assert log.execution.attempt == 3


async def test_v_3_a_log_of_wakes_alone_is_found_without_a_route(execution, other, world):
    await execution.append(ev.Submitted)
    log = await other.events.read(world.project, execution.id)
    assert kinds_of(log) == ["submitted"]


async def test_v_1_a_read_below_its_floor_is_refused_not_given(execution, world):
    await execution.append(ev.Submitted)
    beyond = await Execution(world, execution.port).append(ev.Submitted)
    with pytest.raises(Behind):
        await execution.read(floor=beyond)
    log = await execution.read()
    with pytest.raises(Behind):
        await execution.port.events.read_on(log, floor=beyond)


async def test_v_1_a_read_that_reaches_its_floor_is_given(execution):
    await execution.append(ev.Submitted)
    last = await execution.append(ev.Started)
    assert (await execution.read(floor=last)).sequence == last
    assert (await execution.read(floor=last - 1)).sequence == last


async def test_v_2_a_hole_is_reported(execution):
    await execution.append(ev.Submitted)
    execution.n += 1
    await execution.append(ev.CheckpointReached)
    with pytest.raises(BrokenLog):
        await execution.read()


async def test_v_2_a_log_without_its_beginning_is_reported(execution, world):
    first = await execution.append(ev.Submitted)
    await execution.append(ev.Started)
    await world.purge(first)
    with pytest.raises(BrokenLog):
        await execution.read()


async def test_a_purged_log_is_none_and_not_behind_for_ever(execution, world):
    last = await execution.append(ev.Submitted, ev.Cancelled)
    await Execution(world, execution.port).append(ev.Submitted)
    await world.purge(last)
    assert await execution.read() is None
    assert await execution.read(floor=last) is None


async def test_what_a_purge_left_of_an_ended_log_is_none(execution, world):
    first = await execution.append(ev.Submitted)
    last = await execution.append(ev.Started, ev.Completed)
    await world.purge(first)
    assert await execution.read(floor=last) is None


async def test_t_2_a_carried_log_is_read_like_any_other(execution, world):
    first = await execution.append(ev.Submitted)
    await execution.append(ev.Started, ev.CheckpointReached)
    log = await execution.read()
    state = raw(log.execution)
    await execution.append((ev.Carried, {"state": state, "checkpoints": (log.stored[2].event,)}))
    await world.purge(first)
    again = await execution.read(floor=execution.last)
    assert (again.execution.n, again.execution.attempt, again.sequence) == (4, 1, execution.last)
    assert again.checkpoints().keys() == log.checkpoints().keys()


async def test_t_3_what_is_purged_whole_may_be_created_again(execution, world):
    last = await execution.append(ev.Submitted, ev.Cancelled)
    await world.purge(last)
    execution.n = execution.last = 0
    await execution.append(ev.Submitted)
    assert kinds_of(await execution.read()) == ["submitted"]


# read_on


async def test_reading_on_brings_what_was_appended_since(execution, other, world):
    await execution.append(ev.Submitted)
    log = await other.events.read(world.project, execution.id)
    assert (await other.events.read_on(log)).sequence == log.sequence
    await execution.append(ev.Started)
    await execution.append(ev.CheckpointReached, ev.Recovered)
    on = await other.events.read_on(log, floor=execution.last)
    assert on == await execution.read()


async def test_reading_on_after_an_own_append_brings_only_others(execution, other, world):
    await execution.append(ev.Submitted)
    log = await execution.read()
    decision = execution.decision(ev.Started)
    mine = log.then(decision.events, await execution.port.events.append(decision))
    execution.n, execution.last = 2, mine.sequence
    wake = Execution(world, other)
    wake.id, wake.n, wake.last = execution.id, 2, mine.sequence
    await wake.append(ev.CancelRequested)
    on = await execution.port.events.read_on(mine, floor=wake.last)
    assert kinds_of(on) == ["submitted", "started", "cancel_requested"]
    assert on.execution.cancelling


async def test_reading_on_over_a_purge_gives_what_is_left(execution, world):
    await execution.append(ev.Submitted)
    old = await execution.read()
    await execution.append(ev.Started)
    state = raw((await execution.read()).execution)
    middle = execution.last
    await execution.append((ev.Carried, {"state": state}))
    await world.purge(middle)
    on = await execution.port.events.read_on(old, floor=execution.last)
    assert (on.execution.n, on.execution.worker_id) == (3, "w1")


# scan


async def test_a_scan_gives_all_logs_in_order_in_portions(world, port):
    before = await world.last()
    many = [Execution(world, port) for _ in range(7)]
    for one in many:
        await one.append(ev.Submitted, ev.Started)
    found, after = [], before
    while raws := await port.events.scan(after, 5):
        assert len(raws) <= 5
        found += raws
        after = raws[-1].sequence
    assert [raw.sequence for raw in found] == sorted(raw.sequence for raw in found)
    events = [ev.decode(raw.data) for raw in found]
    assert [(event.execution_id, event.n) for event in events] == [
        (one.id, n) for one in many for n in (1, 2)
    ]
    assert await port.events.scan(after, 5) == []


async def test_a_scan_names_the_subjects(world, port):
    before = await world.last()
    await Execution(world, port).append(ev.Submitted, ev.Started)
    wake, plain = (raw.subject for raw in await port.events.scan(before, 10))
    assert wake.endswith(".wake.default.normal")
    assert plain.endswith(".e")


async def test_a_scan_begins_where_a_purge_left_off(world, port):
    last = await Execution(world, port).append(ev.Submitted)
    kept = await Execution(world, port).append(ev.Submitted)
    await world.purge(last)
    assert [raw.sequence for raw in await port.events.scan(0, 10)] == [kept]


# What the contract decides fits


async def test_decisions_of_the_contract_are_stored_and_folded(world, port):
    moment = Moment(now=T0, new_id=new_id)
    execution_id = new_id()
    made = submitted(execution_id, at=moment)
    made = type(made)(**{f: getattr(made, f) for f in made.__struct_fields__} | {"project": world.project})
    await port.events.append(
        Decision(project=world.project, execution_id=execution_id, expected=0, events=(made,))
    )
    log = await port.events.read(world.project, execution_id, route=made.wake)
    cancelled = ev.Cancelled(**envelope(log.execution, moment))
    await port.events.append(
        Decision(project=world.project, execution_id=execution_id, expected=log.sequence, events=(cancelled,))
    )
    assert (await port.events.read_on(log)).execution.ended
