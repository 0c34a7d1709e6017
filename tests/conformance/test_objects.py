"""Objects: what the store of large values promises, in memory and on NATS."""

import hashlib
import os

import msgspec
import pytest

from onward.bus.values import Values
from onward.contract import ids, subjects, values
from onward.contract.errors import TooLarge, ValueLost
from tests.conformance.conftest import within

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def execution_id() -> str:
    return ids.new_id(1_700_000_000_000, os.urandom(10))


@pytest.fixture
def named(world, execution_id):
    """The name of some bytes among the values of this execution."""
    return lambda data: subjects.object_name(world.project, execution_id, hashlib.sha256(data).hexdigest())


async def read(port, name: str, size: int) -> bytes:
    return b"".join([part async for part in port.objects.read(name, size)])


async def read_into(came: bytearray, port, name: str, size: int) -> None:
    async for part in port.objects.read(name, size):
        came += part


@pytest.mark.parametrize("size", [1, 128 * 1024, 128 * 1024 + 1, 5_000_000])
async def test_what_was_put_comes_back_whole(port, other, named, size):
    data = os.urandom(size)
    await port.objects.put(named(data), data)
    assert await within(20, read(other, named(data), size)) == data


async def test_large_parts_come_one_after_the_other(port, other, named):
    data = os.urandom(3_000_000)
    await port.objects.put(named(data), memoryview(data))
    sizes = [len(part) async for part in other.objects.read(named(data), len(data))]
    assert sum(sizes) == len(data)
    assert max(sizes) <= 1024 * 1024


async def test_putting_it_twice_changes_nothing(port, other, named):
    data = os.urandom(300_000)
    for each in (port, other, port):
        await each.objects.put(named(data), data)
    assert await read(other, named(data), len(data)) == data


async def test_what_is_not_there_is_reported_lost(port, named):
    with pytest.raises(ValueLost):
        await read(port, named(b"never put"), 9)


async def test_another_size_than_it_has_is_no_whole_value(port, named):
    data = os.urandom(400_000)
    await port.objects.put(named(data), data)
    with pytest.raises(ValueLost):
        await within(20, read(port, named(data), len(data) + 1))


async def test_bytes_that_are_not_what_the_name_says_never_come_whole(port, named):
    name = named(b"what it should have been")
    await port.objects.put(name, b"x" * 300_000)
    came = bytearray()
    with pytest.raises(ValueLost):
        await read_into(came, port, name, 300_000)
    assert len(came) < 300_000


async def test_what_was_deleted_is_gone_and_may_be_put_again(port, other, named):
    data = os.urandom(300_000)
    await port.objects.put(named(data), data)
    assert await other.objects.size(named(data)) == len(data)
    await other.objects.delete(named(data))
    assert await other.objects.size(named(data)) is None
    with pytest.raises(ValueLost):
        await read(port, named(data), len(data))
    await other.objects.delete(named(data))
    await port.objects.put(named(data), data)
    assert await read(port, named(data), len(data)) == data


async def test_a_value_above_256_kib_is_kept_apart_and_a_smaller_one_stays(world, port, other, execution_id):
    small, large = (msgspec.Raw(b'"%b"' % (b"a" * (size - 2))) for size in (values.INLINE, values.INLINE + 1))
    keep, whole = Values(port.objects).keep, Values(other.objects).whole
    assert await keep(world.project, execution_id, small, "the input") is small
    kept = await keep(world.project, execution_id, large, "the input")
    assert values.referred(kept) is not None
    assert bytes(await whole(world.project, execution_id, kept)) == bytes(large)


async def test_a_value_above_64_mib_is_refused_by_its_name(world, port, execution_id):
    with pytest.raises(TooLarge, match="the result of step load is 67108865 bytes; the limit is 67108864"):
        await Values(port.objects).keep(
            world.project, execution_id, msgspec.Raw(b" " * (values.MOST + 1)), "the result of step load"
        )


async def test_a_reference_to_the_value_of_another_execution_is_not_followed(
    world, port, other, execution_id
):
    large = msgspec.Raw(b'"%b"' % (b"a" * values.INLINE))
    kept = await Values(port.objects).keep(world.project, execution_id, large, "the input")
    another = ids.new_id(1_700_000_000_001, os.urandom(10))
    for project, somebody in ((world.project, another), ("elsewhere", execution_id)):
        with pytest.raises(ValueLost):
            await Values(other.objects).whole(project, somebody, kept)
