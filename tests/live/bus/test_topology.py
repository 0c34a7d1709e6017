"""Streams and start-up checks."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from onward.bus.api import call
from onward.bus.bus import open_bus
from onward.bus.connection import connect
from onward.bus.prove import prove
from onward.bus.streams import state, work_source_lag
from onward.bus.topology import ensure, ensure_queue, info, streams
from onward.bus.verify import verify
from onward.contract import subjects
from onward.contract.errors import Misconfigured
from tests.live.bus.making import creation, moment, outcomes, until
from tests.support.nats_server import one_server


@pytest.fixture
def own_server(tmp_path):
    with one_server(tmp_path) as server:
        yield server


@pytest.fixture
async def own(own_server):
    bus = await open_bus(own_server.url, "test", lambda: None)
    yield bus
    await bus.close()


async def test_making_the_streams_twice_changes_nothing(own):
    await ensure(own.connection)
    before = [(await info(own.connection, name))["created"] for name in streams()]

    await ensure(own.connection)

    assert [(await info(own.connection, name))["created"] for name in streams()] == before
    assert await verify(own.connection) == [
        "no system account: whether the server runs with sync_interval always cannot be seen"
    ]


async def test_a_server_with_less_room_gets_smaller_streams(tmp_path):
    with one_server(tmp_path, max_file="1GB") as server:
        bus = await open_bus(server.url, "test", lambda: None)

        await ensure(bus.connection)

        assert (await state(bus.connection)).max_bytes == 256 * 1024**2
        assert (await state(bus.connection, subjects.LOGS)).max_bytes == 256 * 1024**2
        await bus.events.append(creation("p"))
        assert set((await call(bus.connection, "STREAM.NAMES"))["streams"]) == set(streams())
        await bus.close()


@pytest.mark.parametrize(
    "stream,setting,value",
    [
        (subjects.EVENTS, "max_age", 3_600_000_000_000),
        (subjects.EVENTS, "discard", "old"),
        (subjects.EVENTS, "allow_atomic", False),
        (subjects.EVENTS, "republish", None),
        (subjects.EVENTS, "max_bytes", -1),
        (subjects.WORK, "sources", None),
        (subjects.LOGS, "allow_direct", False),
    ],
)
async def test_a_wrong_setting_is_named(own, stream, setting, value):
    wrong = {**streams()[stream], setting: value}
    await call(own.connection, f"STREAM.CREATE.{stream}", {k: v for k, v in wrong.items() if v is not None})
    if setting != "sources":
        await ensure(own.connection)
    else:
        for name in (subjects.EVENTS, subjects.TIMERS):
            await call(own.connection, f"STREAM.CREATE.{name}", streams()[name])

    with pytest.raises(Misconfigured) as error:
        await verify(own.connection)

    assert stream in str(error.value)
    assert f"{setting} is" in str(error.value)
    assert error.value.fix


async def test_t1_an_age_limit_forgets_what_sleeps_so_there_is_none_and_one_is_refused(own):
    await ensure(own.connection)
    made = (await info(own.connection, subjects.EVENTS))["config"]
    assert (made["max_age"], made["discard"]) == (0, "new")
    asleep = creation("p", run_at=moment().now + timedelta(days=30))
    await own.events.append(asleep)

    aged = {**made, "max_age": 100_000_000, "duplicate_window": 100_000_000}
    await call(own.connection, f"STREAM.UPDATE.{subjects.EVENTS}", aged)

    async def forgotten():
        return (await state(own.connection)).messages == 0

    await until(forgotten)
    assert isinstance(await own.events.append(creation("p", asleep.execution_id)), int)  # a second time
    with pytest.raises(Misconfigured, match="max_age"):
        await verify(own.connection)


async def test_a_missing_stream_is_named(own):
    with pytest.raises(Misconfigured, match=f"{subjects.EVENTS} is missing"):
        await verify(own.connection)


async def test_a_lazy_fsync_is_refused_where_it_can_be_seen(tmp_path):
    with one_server(tmp_path, sync_interval='"2m"') as server:
        bus = await open_bus(server.url, "test", lambda: None)
        system = await connect(server.sys_url, "system", on_closed=lambda: None)
        await ensure(bus.connection)

        with pytest.raises(Misconfigured, match="fsync"):
            await verify(bus.connection, system=system)

        assert len(await verify(bus.connection, system=system, lazy_fsync=True)) == 1
        await system.close()
        await bus.close()


async def test_a_server_that_fsyncs_always_passes_without_a_warning(own, own_server):
    system = await connect(own_server.sys_url, "system", on_closed=lambda: None)
    await ensure(own.connection)

    assert await verify(own.connection, system=system) == []
    await system.close()


async def test_the_server_keeps_a1_to_a3_and_the_proof_leaves_nothing_behind(own):
    await ensure(own.connection)

    await prove(own.connection)

    assert (await state(own.connection)).messages == 0
    assert set((await call(own.connection, "STREAM.NAMES"))["streams"]) == set(streams())


async def test_a_proof_finds_a_server_without_a_fence(own, monkeypatch):
    await ensure(own.connection)
    monkeypatch.setattr("onward.bus.prove.fence_head", lambda _fence, _expected: b"NATS/1.0\r\n")

    with pytest.raises(Misconfigured, match="A1: a second create is stored"):
        await prove(own.connection)


async def test_work_made_again_gets_the_hints_from_a_sequence_on(own):
    await ensure(own.connection)
    sequences = sorted(await outcomes(own.events, *(creation("p") for _ in range(20))))
    await call(own.connection, f"STREAM.DELETE.{subjects.WORK}")

    await ensure(own.connection, work_from=sequences[15])

    async def hints():
        return (await state(own.connection, subjects.WORK)).messages == 1 + 5

    await until(hints)


async def test_work_made_again_without_a_sequence_gets_all_hints(own):
    await ensure(own.connection)
    await outcomes(own.events, *(creation("p") for _ in range(20)))
    await call(own.connection, f"STREAM.DELETE.{subjects.WORK}")

    await ensure(own.connection)

    async def hints():
        return (await state(own.connection, subjects.WORK)).messages == 1 + 20

    await until(hints)


async def test_events_made_again_get_a_work_that_follows_them(own):
    await ensure(own.connection)
    await outcomes(own.events, *(creation("p") for _ in range(50)))
    before = (await state(own.connection)).incarnation
    await call(own.connection, f"STREAM.DELETE.{subjects.EVENTS}")

    await ensure(own.connection)
    await ensure_queue(own.connection, "p", "default")
    first = creation("p")
    await own.events.append(first)

    hints = own.hints("p", ["default"])
    [hint] = await hints.take(10)
    assert hint.execution_id == first.execution_id
    assert (await state(own.connection)).incarnation != before
    await hints.close()


async def test_taking_one_hint_costs_the_server_little_however_many_wait(own, own_server):
    await ensure(own.connection)
    await ensure_queue(own.connection, "p", "default")
    for _ in range(5):
        await outcomes(own.events, *(creation("p") for _ in range(4000)))

    async def there():
        return (await state(own.connection, subjects.WORK)).messages >= 20_000

    await until(there)
    hints = own.hints("p", ["default"])

    before = _cpu(own_server)
    for _ in range(200):
        [hint] = await hints.take(1)
        await hints.ack(hint)

    assert (_cpu(own_server) - before) / 200 < 0.000_6, "seconds of the server's time for each hint"
    await hints.close()


def _cpu(server):
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_the_lag_of_both_sources_is_told(own):
    await ensure(own.connection)

    lag = await work_source_lag(own.connection)

    assert set(lag) == {subjects.EVENTS, subjects.TIMERS}
    assert all(source.lag == 0 and source.error is None for source in lag.values())


async def test_a_thousand_consumers_are_not_the_end(tmp_path):
    with one_server(tmp_path, sync_interval='"2m"') as server:
        bus = await open_bus(server.url, "test", lambda: None)
        await ensure(bus.connection)

        for i in range(340):
            await ensure_queue(bus.connection, "p", f"q{i}")

        assert (await info(bus.connection, subjects.WORK))["state"]["consumer_count"] == 1020
        server.kill()
        await bus.close()
