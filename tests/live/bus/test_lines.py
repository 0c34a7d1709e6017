"""LOGS: fenced chunks, and following them without a gap."""

import asyncio
import itertools

import pytest

from onward.bus.lines import LOOK_AGAIN, Live
from onward.contract import subjects
from onward.contract.errors import FenceLost
from tests.live.bus.making import new_id, until


async def append(bus, project, id_, count, *, first=1, expected=0):
    """Chunks numbered from `first`; the sequence of the last."""
    for number in range(first, first + count):
        expected = await bus.lines.append(project, id_, f"chunk {number}".encode(), expected)
    return expected


async def follow(bus, project, id_, count, *, after=0):
    """The first `count` chunks that a follower hears."""
    found = []
    async with asyncio.timeout(40):
        following = bus.lines.follow(project, id_, after=after)
        async for raw in following:
            found.append(raw)
            if len(found) == count:
                await following.aclose()
                break
    return found


def chunks(count, first=1):
    return [f"chunk {number}".encode() for number in range(first, first + count)]


async def test_a_stale_writer_cannot_write_a_chunk_twice(bus, other, project):
    id_ = new_id()
    last = await append(bus, project, id_, 3)

    with pytest.raises(FenceLost) as lost:
        await other.lines.append(project, id_, b"zombie", last - 1)

    assert lost.value.floor == last
    newest = await bus.lines.last(project, id_)
    assert (newest.sequence, newest.data) == (last, b"chunk 3")


async def test_a_chunk_whose_answer_was_lost_is_stored_once(bus, wire, far, project):
    id_ = new_id()
    wire.swallow = True
    waiting = asyncio.create_task(far.lines.append(project, id_, b"chunk 1", 0))
    newest = await until(lambda: bus.lines.last(project, id_))

    wire.swallow = False
    wire.cut()

    assert await waiting == newest.sequence
    assert len(await bus.lines.read(project, id_)) == 1


async def test_of_an_execution_without_lines_there_is_no_last_chunk(bus, project):
    assert await bus.lines.last(project, new_id()) is None
    assert await bus.lines.read(project, new_id()) == []


async def test_reading_goes_on_after_a_sequence_in_pages(bus, project):
    id_ = new_id()
    await append(bus, project, id_, 20)

    first = await bus.lines.read(project, id_, most=15)
    rest = await bus.lines.read(project, id_, after=first[-1].sequence)

    assert [raw.data for raw in first + rest] == chunks(20)
    assert {raw.subject for raw in first} == {subjects.logs(project, id_)}


async def test_a_follower_gets_every_chunk_once_and_in_order_while_they_are_written(bus, other, project):
    id_ = new_id()
    last = await append(bus, project, id_, 100)
    writing = asyncio.create_task(append(bus, project, id_, 400, first=101, expected=last))

    found = await follow(other, project, id_, 500)

    await writing
    assert [raw.data for raw in found] == chunks(500)


async def test_a_follower_that_comes_back_goes_on_where_it_was(bus, other, project):
    id_ = new_id()
    await append(bus, project, id_, 10)
    seen = await follow(other, project, id_, 4)

    rest = await follow(other, project, id_, 6, after=seen[-1].sequence)

    assert [raw.data for raw in seen + rest] == chunks(10)


async def test_a_follower_misses_nothing_over_lost_connections(bus, wire, far, project):
    id_ = new_id()
    following = asyncio.create_task(follow(far, project, id_, 300))
    last = 0
    for first in range(1, 301, 50):
        last = await append(bus, project, id_, 50, first=first, expected=last)
        wire.cut()

    assert [raw.data for raw in await following] == chunks(300)


async def test_a_follower_notices_an_echo_that_was_lost(bus, wire, far, project):
    id_ = new_id()
    following = asyncio.create_task(follow(far, project, id_, 3))
    last = await append(bus, project, id_, 1)
    await asyncio.sleep(0.3)
    wire.swallow = True
    last = await append(bus, project, id_, 1, first=2, expected=last)
    await asyncio.sleep(0.1)
    wire.swallow = False

    await append(bus, project, id_, 1, first=3, expected=last)

    assert [raw.data for raw in await following] == chunks(3)


async def test_a_lost_last_echo_is_found_by_looking_again(bus, wire, far, project, monkeypatch):
    monkeypatch.setattr("onward.bus.lines.LOOK_AGAIN", 0.3)
    id_ = new_id()
    following = asyncio.create_task(follow(far, project, id_, 2))
    last = await append(bus, project, id_, 1)
    await asyncio.sleep(0.2)
    wire.swallow = True
    await append(bus, project, id_, 1, first=2, expected=last)
    await asyncio.sleep(0.1)
    wire.swallow = False

    assert [raw.data for raw in await following] == chunks(2)


async def test_what_was_written_while_the_connection_was_down_comes_right_after(bus, wire, far, project):
    id_ = new_id()
    following = asyncio.create_task(follow(far, project, id_, 2))
    last = await append(bus, project, id_, 1)
    await asyncio.sleep(0.2)
    wire.refuse = True
    wire.cut()
    await append(bus, project, id_, 1, first=2, expected=last)

    wire.refuse = False
    await until(lambda: far.connection.connected)

    async with asyncio.timeout(LOOK_AGAIN / 4):
        assert [raw.data for raw in await following] == chunks(2)


async def test_a_slow_follower_still_gets_everything(bus, other, project, monkeypatch):
    monkeypatch.setattr("onward.bus.lines.MOST_HELD", 10)
    id_ = new_id()
    last = await append(bus, project, id_, 1)
    following = other.lines.follow(project, id_)
    found = [await anext(following)]

    await append(bus, project, id_, 99, first=2, expected=last)
    while len(found) < 100:
        found.append(await anext(following))

    assert [raw.data for raw in found] == chunks(100)
    await following.aclose()


async def test_what_is_held_for_a_slow_follower_is_bounded(bus, other, project, monkeypatch):
    monkeypatch.setattr("onward.bus.lines.MOST_HELD", 10)
    id_ = new_id()
    live = Live(other.connection, subjects.echo(subjects.logs(project, id_)))
    await live.heard_from_here()

    await append(bus, project, id_, 100)
    await until(lambda: live.behind)

    assert len(live._held) <= 10
    live.close()


async def test_followers_leave_nothing_behind(bus, other, project):
    id_ = new_id()
    await append(bus, project, id_, 1)
    before = len(other.connection.client._subs), len(other.connection.watchers)

    for _ in itertools.repeat(None, 5):
        await follow(other, project, id_, 1)

    assert (len(other.connection.client._subs), len(other.connection.watchers)) == before
