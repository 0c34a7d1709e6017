"""Limits on real servers: the gate, the key's log, and keepers that come and go; without Postgres and workers."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from onward.bus import config
from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.limit_asking import Question, line
from onward.bus.limit_log import LimitKeys
from onward.contract import commands, decide, ids
from onward.contract import events as ev
from onward.contract.limit import LimitPolicy, LimitSpec
from onward.contract.log import Decision
from onward_execution_state.moments import moments_of, new_id
from tests.live.execution_state.making import until
from tests.support.grants import most_at_once
from tests.support.without_postgres import without_postgres

moment = moments_of("test")


@pytest.fixture
async def following(bus, nats_server):
    """The half that needs no Postgres, at work."""
    async with without_postgres(bus, nats_server) as half:
        yield half


async def submit(bus, *limits, **fields):
    """An execution with these limits; its id."""
    plain = {"queue": "default", "priority": 5, "run_at": None, "task": "report", "limits": limits}
    event = decide.submit(execution_id=new_id(), project="default", moment=moment(), **{**plain, **fields})
    await bus.events.append(
        Decision(project="default", execution_id=event.execution_id, expected=0, events=(event,))
    )
    return event.execution_id


async def state_of(bus, execution_id):
    return (await bus.events.read("default", execution_id)).execution


async def admitted(bus, made):
    """Those of them that live and wait for their limits no more."""
    states = [await state_of(bus, execution_id) for execution_id in made]
    return [state.id for state in states if not state.gated and not state.ended]


async def end(bus, execution_id):
    """Cancel what no worker holds."""
    log = await bus.events.read("default", execution_id)
    await bus.events.append(
        Decision(
            project="default", execution_id=execution_id, expected=log.sequence,
            events=commands.cancel(log.execution, moment(), "enough"),
        )
    )  # fmt: skip


async def all_pass(bus, made):
    """End whoever is admitted, until all have been."""
    left = set(made)
    async with asyncio.timeout(30):
        while left:
            for execution_id in await admitted(bus, left):
                await end(bus, execution_id)
                left.discard(execution_id)
            await asyncio.sleep(0.01)
    logs = [await bus.events.read("default", execution_id) for execution_id in made]
    return most_at_once(item for log in logs for item in log.stored)


async def nobody_holds(bus):
    return not any(state.holders for state in await LimitKeys(bus.connection).all())


async def test_l1_no_key_is_held_by_more_than_its_maximum_and_each_end_lets_the_next_one_in(bus, following):
    made = [await submit(bus, LimitPolicy("a", max=2)) for _ in range(8)]

    assert await all_pass(bus, made) == {"a": 2}

    await until(lambda: nobody_holds(bus))


async def test_l1_what_waits_outlives_its_keeper(bus, nats_server):
    async with without_postgres(bus, nats_server):
        made = [await submit(bus, LimitPolicy("a", max=1)) for _ in range(3)]
        (first,) = await until(lambda: admitted(bus, made))
    await end(bus, first)  # nobody hears of it now

    async with without_postgres(bus, nats_server):
        assert await all_pass(bus, [id for id in made if id != first]) == {"a": 1}
        await until(lambda: nobody_holds(bus))


async def test_l1_two_keepers_share_the_line_and_never_give_a_key_twice(bus, nats_server):
    other = Bus(await connect(nats_server.url, "second", on_closed=lambda: None))
    async with without_postgres(bus, nats_server), without_postgres(other, nats_server):
        keys = [LimitPolicy("a", max=2), LimitPolicy("b", max=1)]
        made = [await submit(bus, *keys[: 1 + number % 2]) for number in range(20)]
        assert await all_pass(bus, made) == {"a": 2, "b": 1}
        await until(lambda: nobody_holds(bus))
    await other.close()


async def test_a_limit_that_is_set_while_executions_wait_counts_at_once(bus, following):
    made = [await submit(bus, LimitPolicy("a", max=1)) for _ in range(4)]
    await until(lambda: admitted(bus, made))

    await put_limit(bus, LimitSpec(key="a", max=3))

    await until(lambda: three(bus, made))


async def three(bus, made):
    return len(await admitted(bus, made)) == 3


async def put_limit(bus, spec):
    name = ids.limit_id(spec.key)
    await config.put(bus.connection, "default", "limit", name, msgspec.json.encode(spec), None)


async def test_who_waits_is_told_for_what_at_which_place_and_since_when(bus, following):
    made = [await submit(bus, LimitPolicy("a", max=1)) for _ in range(3)]
    (first,) = await until(lambda: admitted(bus, made))
    waits = [execution_id for execution_id in made if execution_id != first]

    async def whole_line():
        found = await line(bus.messages, Question(project="default", key="a"))
        return found if found.total == 2 and all(one.blocked_by for one in found.waiting) else None

    found = await until(whole_line)
    assert [one.execution_id for one in found.waiting] == waits
    assert [one.blocked_by[0].ahead for one in found.waiting] == [0, 1]
    assert found.waiting[0].blocked_by[0].because == "max"
    for one in found.waiting:  # who is behind is told the holder, too
        assert [holder.execution_id for holder in one.blocked_by[0].holders] == [first]
    state, _ = await LimitKeys(bus.connection).read("default", "a")
    assert [holder.execution_id for holder in state.holders] == [first]


async def test_a_debounce_starts_the_newest_once_and_cancels_the_others(bus, following):
    newest = LimitPolicy("debounce:ann", full="replace")
    made = []
    for _ in range(3):
        due = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 1.0, UTC)
        made.append(await submit(bus, newest, run_at=due))
        await asyncio.sleep(0.05)  # they come one after the other

    (last,) = await until(lambda: admitted(bus, made))

    assert last == made[-1]
    assert [(await state_of(bus, one)).status for one in made[:2]] == ["cancelled", "cancelled"]


async def test_an_admission_names_an_epoch_that_only_grows(bus, following):
    epochs = []
    for _ in range(3):
        execution_id = await submit(bus, LimitPolicy("a", max=1))
        await until(lambda one=execution_id: admitted(bus, [one]))
        log = await bus.events.read("default", execution_id)
        epochs += [item.event.grants["a"] for item in log.stored if isinstance(item.event, ev.Admitted)]
        await end(bus, execution_id)
    assert epochs == sorted(set(epochs))
