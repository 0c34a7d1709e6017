"""Ids: in the order of time, in the right shard for ever."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.contract import ids
from onward.contract.errors import InvalidName

milliseconds = st.integers(0, 2**48 - 1)
randomness = st.binary(min_size=10, max_size=10)


@given(milliseconds, randomness)
def test_an_id_is_a_uuid_of_version_7_that_tells_its_millisecond(ms, random):
    made = uuid.UUID(ids.new_id(ms, random))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == ms


@given(milliseconds, milliseconds, randomness, randomness)
def test_later_ids_sort_behind_earlier_ones(a, b, first, second):
    if a != b:
        assert (ids.new_id(a, first) < ids.new_id(b, second)) == (a < b)


@given(milliseconds, randomness, randomness)
def test_ids_of_one_millisecond_differ_where_their_random_bits_do(ms, first, second):
    # 74 of the 80 bits are used: 4 give way to the version and 2 to the variant.
    used = (1 << 80) - 1 & ~(0xF << 76) & ~(0x3 << 62)
    same = int.from_bytes(first) & used == int.from_bytes(second) & used
    assert (ids.new_id(ms, first) == ids.new_id(ms, second)) == same


def test_a_key_names_the_same_execution_for_ever():
    assert ids.keyed_id("default", "order-17") == "64ec3114-0a7a-5e98-bc41-63c7f28fddee"
    assert ids.keyed_id("other", "order-17") != ids.keyed_id("default", "order-17")


SHARDS = {
    "00000000-0000-7000-8000-000000000000": 7,
    "018f0000-0000-7000-8000-000000000001": 10,
    "018f3b1c-0a11-7c3e-9d3a-5f2a6b7c8d9e": 10,
    "01933b1c-7e57-7000-bfff-ffffffffffff": 3,
    "ffffffff-ffff-5fff-bfff-ffffffffffff": 6,
}


@pytest.mark.parametrize("execution_id, expected", SHARDS.items())
def test_an_id_stays_in_its_shard_for_ever(execution_id, expected):
    assert ids.shard(execution_id) == expected


def test_ids_spread_over_all_shards():
    counts = [0] * ids.SHARDS
    for i in range(1600):
        counts[ids.shard(ids.new_id(1_700_000_000_000 + i, i.to_bytes(10)))] += 1
    assert min(counts) > 50


@pytest.mark.parametrize(
    "text",
    ["", "x", "018F0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-00000000000", "a.b", "*"],
)
def test_what_is_no_whole_canonical_id_is_none(text):
    assert not ids.is_execution_id(text)


@given(milliseconds, randomness)
def test_each_id_that_is_made_is_one(ms, random):
    assert ids.is_execution_id(ids.new_id(ms, random))
    assert ids.is_execution_id(ids.keyed_id("default", random.hex()))


@pytest.mark.parametrize("name", ["a", "0", "gpu_queue", "a-b", "x" * 63])
def test_a_name_may_stand_in_a_subject(name):
    assert ids.check_name("queue", name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "a.b", "a*", ">", "a b", "-a", "_a", "x" * 64, "ü", "a\n", "a\x00"]
)
def test_a_name_that_could_break_a_subject_is_refused(name):
    with pytest.raises(InvalidName) as refused:
        ids.check_name("queue", name)
    assert refused.value.fix
    assert len(str(refused.value)) < 200


def test_a_fresh_id_tells_when_it_was_made_and_a_derived_one_tells_nothing():
    assert ids.unix_seconds(ids.new_id(1_700_000_000_123, b"\1" * 10)) == 1_700_000_000.123
    assert ids.unix_seconds(ids.keyed_id("default", "k")) is None
    assert ids.unix_seconds("an upload of another tool") is None
