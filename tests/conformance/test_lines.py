"""Lines: what the store of log lines promises, in memory and on NATS."""

import asyncio
import os

import pytest

from onward.contract import ids
from onward.contract.errors import FenceLost
from tests.conformance.conftest import within

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def execution_id() -> str:
    return ids.new_id(1_700_000_000_000, os.urandom(10))


@pytest.fixture
def write(world, port, execution_id):
    """Appends chunks behind one another."""
    last = 0

    async def append(*chunks: bytes) -> int:
        nonlocal last
        for chunk in chunks:
            last = await port.lines.append(world.project, execution_id, chunk, last)
        return last

    return append


async def test_chunks_are_read_as_they_were_written(world, other, execution_id, write):
    last = await write(b"one", b"two", b"three")
    raws = await other.lines.read(world.project, execution_id)
    assert [raw.data for raw in raws] == [b"one", b"two", b"three"]
    assert raws[-1].sequence == last
    assert {raw.subject for raw in raws} == {f"onward.logs.{world.project}.{execution_id}"}


async def test_a_chunk_behind_another_one_than_the_last_is_refused(world, port, execution_id, write):
    last = await write(b"one", b"two")
    for expected in (0, last - 1, last + 1):
        with pytest.raises(FenceLost):
            await port.lines.append(world.project, execution_id, b"late", expected)
    assert len(await port.lines.read(world.project, execution_id)) == 2


async def test_each_execution_has_a_fence_of_its_own(world, port, write):
    await write(b"one")
    other_id = ids.new_id(1_700_000_000_000, os.urandom(10))
    assert await port.lines.append(world.project, other_id, b"first", 0) > 0


async def test_the_last_chunk_is_the_newest_or_none(world, other, execution_id, write):
    assert await other.lines.last(world.project, execution_id) is None
    last = await write(b"one", b"two")
    newest = await other.lines.last(world.project, execution_id)
    assert (newest.sequence, newest.data) == (last, b"two")


async def test_chunks_are_read_in_portions_from_where_a_reader_is(world, other, execution_id, write):
    await write(*(b"%d" % i for i in range(7)))
    found, after = [], 0
    while raws := await other.lines.read(world.project, execution_id, after=after, most=3):
        assert len(raws) <= 3
        found += [raw.data for raw in raws]
        after = raws[-1].sequence
    assert found == [b"%d" % i for i in range(7)]
    assert await other.lines.read(world.project, execution_id, after=after) == []


async def test_a_follower_gets_each_chunk_once_in_order_while_they_are_written(
    world, other, execution_id, write
):
    await write(*(b"%d" % i for i in range(5)))
    found = []

    async def follow():
        async for raw in other.lines.follow(world.project, execution_id):
            found.append(raw.data)
            if len(found) == 60:
                return

    following = asyncio.ensure_future(follow())
    for i in range(5, 60):
        await write(b"%d" % i)
    await within(10, following)
    assert found == [b"%d" % i for i in range(60)]


async def test_a_follower_goes_on_where_it_was(world, other, execution_id, write):
    middle = await write(b"one", b"two")
    await write(b"three")
    following = other.lines.follow(world.project, execution_id, after=middle)
    assert (await within(5, anext(following))).data == b"three"
    await write(b"four")
    assert (await within(5, anext(following))).data == b"four"
    await following.aclose()


async def test_a_follower_hears_nothing_of_others(world, other, port, execution_id, write):
    following = other.lines.follow(world.project, execution_id)
    waiting = asyncio.ensure_future(anext(following))
    await port.lines.append(world.project, ids.new_id(1_700_000_000_000, os.urandom(10)), b"not mine", 0)
    await write(b"mine")
    assert (await within(5, waiting)).data == b"mine"
    await following.aclose()
