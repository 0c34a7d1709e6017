"""CONFIG: ETags, and the copy each process holds."""

import asyncio

import pytest

from onward.bus.audit import messages
from onward.bus.config import LOOK_AGAIN, Mirror, put
from onward.contract import subjects
from onward.contract.errors import FenceLost
from tests.live.bus.making import until


async def test_a_resource_is_written_under_its_etag_only(bus, project):
    first = await put(bus.connection, project, "queue", "q", b"1", 0)
    second = await put(bus.connection, project, "queue", "q", b"2", first)

    for stale in (0, first):
        with pytest.raises(FenceLost) as lost:
            await put(bus.connection, project, "queue", "q", b"3", stale)
        assert lost.value.floor == second


async def test_without_an_etag_it_is_written_over_whatever_is_there(bus, project):
    await put(bus.connection, project, "queue", "q", b"1", None)
    last = await put(bus.connection, project, "queue", "q", b"2", None)

    mirror = Mirror(bus.connection)
    await mirror.start()

    assert mirror.get(project, "queue", "q") == (b"2", last)
    await mirror.close()


async def test_what_was_deleted_is_gone_and_may_be_made_again(bus, other, project):
    await other.config.start()
    first = await put(bus.connection, project, "queue", "q", b"1", 0)
    await put(bus.connection, project, "queue", "q", b"", first)
    await until(lambda: other.config._known.get((project, "queue", "q"), (b"x",))[0] == b"")

    assert other.config.get(project, "queue", "q") is None
    assert other.config.items(project, "queue") == {}
    again = await put(bus.connection, project, "queue", "q", b"2", 0)
    await until(lambda: other.config.get(project, "queue", "q") == (b"2", again))


async def test_a_mirror_holds_all_there_is_once_it_is_ready(bus, other, project):
    for i in range(30):
        await put(bus.connection, project, "queue", f"q{i}", str(i).encode(), 0)
    await put(bus.connection, project, "task", "t", b"{}", 0)

    await other.config.start()

    assert other.config.ready
    found = other.config.items(project, "queue")
    assert {name: data for name, (data, _) in found.items()} == {f"q{i}": str(i).encode() for i in range(30)}


async def test_a_mirror_tells_of_changes(bus, other, project):
    await other.config.start()
    heard = []
    other.config.on_change(lambda *change: heard.append(change))

    first = await put(bus.connection, project, "queue", "q", b"1", 0)
    second = await put(bus.connection, project, "queue", "q", b"", first)

    mine = [(project, "queue", "q", b"1", first), (project, "queue", "q", None, second)]
    await until(lambda: [change for change in heard if change[0] == project] == mine)


async def test_a_mirror_misses_nothing_over_a_lost_connection(bus, wire, far, project):
    await far.config.start()
    wire.refuse = True
    wire.cut()
    sequence = await put(bus.connection, project, "queue", "q", b"1", 0)

    wire.refuse = False
    await until(lambda: far.connection.connected)

    await until(lambda: far.config.get(project, "queue", "q") == (b"1", sequence), timeout=LOOK_AGAIN / 4)


async def test_a_mirror_finds_an_echo_that_was_lost(bus, wire, far, project, monkeypatch):
    monkeypatch.setattr("onward.bus.config.LOOK_AGAIN", 0.3)
    await far.config.start()
    wire.swallow = True
    sequence = await put(bus.connection, project, "queue", "q", b"1", 0)
    await until(lambda: bus.connection.connected)

    wire.swallow = False

    await until(lambda: far.config.get(project, "queue", "q") == (b"1", sequence))


async def test_what_a_copy_writes_stands_in_it_at_once_with_its_author(bus, other, project):
    await other.config.start()
    first = await other.config.write(project, "queue", "q", b"1", 0, "key:ann")

    assert other.config.get(project, "queue", "q") == (b"1", first)
    found = [
        one for one in await messages(bus.connection, subjects.CONFIG, first - 1) if one.sequence == first
    ]
    assert [(one.actor, one.data) for one in found] == [("key:ann", b"1")]
    with pytest.raises(FenceLost):
        await other.config.write(project, "queue", "q", b"2", first - 1, "key:ann")


async def test_of_many_writers_with_one_etag_over_several_connections_exactly_one_wins(bus, other, project):
    first = await put(bus.connection, project, "queue", "q", b"0", 0)

    tries = [
        put((bus, other)[i % 2].connection, project, "queue", "q", str(i).encode(), first) for i in range(20)
    ]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    won = [outcome for outcome in outcomes if not isinstance(outcome, FenceLost)]
    assert (len(won), [type(one) for one in won]) == (1, [int])


async def test_what_another_process_wrote_a_moment_ago_is_found_in_the_stream(bus, other, project):
    await other.config.start()
    other.config._apply = lambda raw: None  # its echo is lost
    sequence = await put(bus.connection, project, "queue", "q", b"1", 0)
    del other.config._apply

    assert other.config.get(project, "queue", "q") is None
    assert await other.config.newest(project, "queue", "q") == (b"1", sequence)
