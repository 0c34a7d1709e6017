import asyncio
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.bus import config, fenced, timers, topology
from onward.bus.api import call
from onward.bus.bus import Bus
from onward.bus.connection import connect
from onward.bus.depths import depths
from onward.contract import commands, decide, subjects
from onward.contract.submission import QueueSpec
from onward.process.metrics import Metrics
from onward_execution_state.followers.direct_hints import DirectHints
from tests.live.execution_state.making import Heard, append, hint_subject, until
from tests.support.without_postgres import without_postgres
from tests.unit.onward_execution_state.histories import Walk


@pytest.fixture
async def following(bus, nats_server):
    """The half that needs no Postgres, at work."""
    async with without_postgres(bus, nats_server) as half:
        yield half


def walk(seed=1, at=None):
    return Walk(random.Random(seed), at=at or datetime.now(UTC))


async def test_each_event_is_announced_once(bus, following):
    heard = await Heard.on(bus, "onward.live.>")
    made = walk().submit(queue="gpu").claim().complete()

    await append(bus, made)

    found = await heard.until(3)
    assert [subject.split(".")[3:5] for subject, _ in found] == [
        ["submitted", "gpu"], ["started", "gpu"], ["completed", "gpu"],
    ]  # fmt: skip
    assert all(subject.endswith(made.state.id) for subject, _ in found)


async def test_m1_a_due_time_becomes_a_hint_when_it_comes(bus, following):
    made = walk().submit().claim().suspend(seconds=0.5)

    await append(bus, made)

    hints = bus.hints("default", [made.state.queue])
    await topology.ensure_queue(bus.connection, "default", made.state.queue)
    taken = []
    async with asyncio.timeout(40):
        while not any(hint.fired for hint in taken):
            for hint in await hints.take(1):
                taken.append(hint)
                await hints.ack(hint)
    await hints.close()
    fired = next(hint for hint in taken if hint.fired)
    assert (fired.execution_id, fired.fired) == (made.state.id, made.state.asked_due)


async def test_m1_a_cancelled_execution_has_no_timer_left(bus, following):
    made = walk().submit(delayed=True)
    sequence = await append(bus, made)
    timer = subjects.timer("default", made.state.id, sequence)
    await until(lambda: fenced.last(bus.connection, subjects.TIMERS, timer))

    made._add(*commands.cancel(made.state, made.moment, None))
    await append(bus, made, done=1, expected=sequence)

    async def gone():
        return await fenced.last(bus.connection, subjects.TIMERS, timer) is None

    await until(gone)


async def test_a_queue_that_config_names_gets_its_consumers(bus, following):
    spec = msgspec.json.encode(QueueSpec(name="gpu"))
    await config.put(bus.connection, "default", "queue", "gpu", spec, 0)

    async def there():
        names = (await call(bus.connection, f"CONSUMER.NAMES.{subjects.WORK}"))["consumers"] or []
        queues = ("default", "gpu")
        wanted = {subjects.consumer("default", queue, cls) for queue in queues for cls in subjects.CLASSES}
        return wanted <= set(names)

    await until(there)


async def test_the_depth_of_a_queue_tells_what_waits_and_what_is_held(bus, following):
    await topology.ensure_queue(bus.connection, "default", "default")
    for seed in range(3):
        await append(bus, walk(seed).submit(queue="default", labels={}))
    hints = bus.hints("default", ["default"])
    taken = await hints.take(1)

    async def told():
        found = (await depths(bus.connection, "default", ["default", "nowhere"])).values()
        return sum(depth.waiting for depth in found) == 2 and sum(depth.held for depth in found) == 1

    await until(told)
    await hints.ack(taken[0])
    await hints.close()


async def test_h3_work_of_a_killed_worker_is_taken_up_elsewhere_long_before_ack_wait(
    bus, following, nats_server
):
    await topology.ensure_queue(bus.connection, "default", "default")
    made = walk().submit(queue="default")
    await append(bus, made)
    worker = await connect(nats_server.url, "wk-1", on_closed=lambda: None)
    doomed = Bus(worker)
    (hint,) = await doomed.hints("default", ["default"]).take(1)
    met = decide.meet(made.state, hint, decide.Owner(worker_id="wk-1", connection="wk-1"), made.moment)
    made._add(*met.events)
    await append(doomed, made, done=1, expected=hint.floor)
    await until(lambda: following._supervisor._holds.get("wk-1"))

    other = bus.hints("default", ["default"])
    worker.client._transport._io_writer.transport.abort()
    async with asyncio.timeout(40):
        (again,) = await other.take(1)

    assert (again.execution_id, again.work_sequence) == (made.state.id, hint.work_sequence)
    await other.ack(again)
    await other.close()
    await doomed.close()


async def test_h5_hints_are_given_directly_while_the_source_is_silent(bus):
    metrics = Metrics()
    direct = DirectHints(bus.connection, bus.events, metrics)
    assert await direct.run_once(datetime.now(UTC)) == 0
    # A WORK without sources is as silent as one can be.
    info = await topology.info(bus.connection, subjects.WORK)
    await call(bus.connection, f"STREAM.UPDATE.{subjects.WORK}", {**info["config"], "sources": []})
    made = [walk(seed).submit() for seed in range(3)]
    claimed = walk(9).submit().claim()
    for each in (*made, claimed):
        await append(bus, each)

    assert await direct.run_once(datetime.now(UTC)) == 4
    assert await direct.run_once(datetime.now(UTC)) == 0

    for each in made:
        stored = await fenced.last(bus.connection, subjects.WORK, hint_subject(each))
        assert msgspec.json.decode(stored.data)["execution_id"] == each.state.id
    assert "onward_direct_hints_total 4" in metrics.render()


async def test_h5_what_is_due_is_given_directly_while_its_source_is_silent(bus):
    """As after each start of a server, for ten seconds and more."""
    direct = DirectHints(bus.connection, bus.events, Metrics())
    info = await topology.info(bus.connection, subjects.WORK)
    await call(bus.connection, f"STREAM.UPDATE.{subjects.WORK}", {**info["config"], "sources": []})
    made = walk().submit().claim().suspend(seconds=0.1)
    sequence = await append(bus, made)
    assert await timers.schedule(bus.connection, made.events[-1], sequence)
    await topology.ensure_queue(bus.connection, "default", made.state.queue)

    given = await until(lambda: direct.run_once(datetime.now(UTC)))

    hints = bus.hints("default", [made.state.queue])
    async with asyncio.timeout(40):
        (hint,) = await hints.take(1)
    await hints.close()
    assert (hint.execution_id, hint.fired) == (made.state.id, made.state.asked_due)
    assert (given, await direct.run_once(datetime.now(UTC))) == (1, 0)


async def test_h5_an_outage_is_no_failure_to_back_off_from(nats_server):
    away = Bus(await connect(nats_server.url, "away", on_closed=lambda: None))
    await away.close()

    assert await DirectHints(away.connection, away.events, Metrics()).run_once(datetime.now(UTC)) == 0


async def test_h5_no_hint_is_given_directly_while_the_source_speaks(bus):
    direct = DirectHints(bus.connection, bus.events, Metrics())
    assert await direct.run_once(datetime.now(UTC)) == 0
    await append(bus, walk().submit())

    assert await direct.run_once(datetime.now(UTC) + timedelta(seconds=1)) == 0
