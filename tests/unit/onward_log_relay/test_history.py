import random

import pytest

from onward.bus.ports import Raw
from onward_log_relay.history import History, Piece
from onward_log_relay.selection import Selection
from tests.support.log_relay import ID, PROJECT, MemoryLog


class Counting:
    """Lines that count what is read of them."""

    def __init__(self, lines):
        self.lines, self.reads, self.chunks = lines, 0, 0

    async def last(self, project, execution_id):
        self.reads += 1
        return await self.lines.last(project, execution_id)

    async def read(self, project, execution_id, *, after=0, most=256):
        found = await self.lines.read(project, execution_id, after=after, most=most)
        self.reads += 1
        self.chunks += len(found)
        return found


@pytest.fixture
def counted(process):
    return Counting(process.lines)


@pytest.fixture
def history(counted):
    return History(counted, PROJECT, ID)


def big(bus, chunks=400, seed=1):
    """A log of chunks of uneven size, with those of others in between."""
    log, rand = MemoryLog(bus), random.Random(seed)
    for _ in range(chunks):
        log.elsewhere(rand.choice([0, 0, 1, 5, 40]))
        count = rand.choice([1, 2, 50, 200])
        levels = rand.choices(["info", "error"], [400, 1], k=count)
        log.add(*[f"text {len(log.lines) + i}" for i in range(count)], levels=levels)
    return log


async def test_any_line_is_found_in_few_reads(bus, history, counted):
    log = big(bus)
    newest = await history.newest()
    rand = random.Random(2)
    for line in [1, 2, len(log.lines) - 1, len(log.lines), *rand.sample(range(1, len(log.lines)), 100)]:
        counted.reads = 0
        sequence = await history.find_line(line, newest)
        assert counted.reads <= 20
        head = (await history.after(sequence, most=1))[0].head
        assert head.first <= line <= head.last


async def test_a_line_of_an_even_log_is_found_in_three_reads(bus, history, counted):
    log = MemoryLog(bus)
    for _ in range(1000):
        log.elsewhere(3)
        log.add(*["x"] * 50)
    newest = await history.newest()
    counted.reads = 0
    for line in range(1, 50_000, 997):
        await history.find_line(line, newest)
    assert counted.reads / 51 <= 4


async def test_the_nth_line_of_a_level_is_found(bus, history):
    log = big(bus)
    newest = await history.newest()
    errors = [line.line for line in log.lines if line.level == "error"]
    assert len(errors) > 10
    for nth, number in enumerate(errors, 1):
        sequence = await history.find_level(frozenset({"error"}), nth, newest)
        head = (await history.after(sequence, most=1))[0].head
        assert head.first <= number <= head.last


async def test_lines_that_retention_removed_lead_to_the_first_that_is_left(bus, history):
    log = big(bus)
    chunks = bus.lines.chunks[log.subject]
    del chunks[:200]
    newest = await history.newest()
    sequence = await history.find_line(5, newest)
    assert (await history.after(sequence, most=1))[0].sequence == chunks[0].sequence


@pytest.mark.parametrize("count", [0, 1, 7, 500, 1_000_000])
async def test_the_tail_begins_where_that_many_lines_are_left(bus, history, count):
    log = big(bus)
    assert await history.tail(Selection(), count) == max(0, len(log.lines) - count)


@pytest.mark.parametrize("count", [1, 5, 1000])
@pytest.mark.parametrize("indexed", [True, False])
async def test_the_tail_of_a_level_has_that_many_lines_of_it(bus, history, count, indexed):
    log = big(bus)
    if not indexed:  # as from a writer that does not count
        log.add("x", indexed=False)
    errors = [line.line for line in log.lines if line.level == "error"]
    after = await history.tail(Selection("error"), count)
    assert [n for n in errors if n > after] == errors[-count:]


async def test_the_tail_of_a_search_has_that_many_hits(bus, history):
    log = big(bus)
    hits = [line.line for line in log.lines if "99" in line.text]
    after = await history.tail(Selection(grep="99"), 10)
    assert [n for n in hits if n > after] == hits[-10:]
    assert await history.tail(Selection(grep="99"), 1_000_000) == 0
    assert await history.tail(Selection(grep="nowhere"), 10) == 0


async def test_the_tail_of_an_empty_log_is_its_beginning(history):
    assert await history.tail(Selection("error", "x"), 10) == 0


async def test_the_tail_reads_little_of_a_long_log(bus, history, counted):
    big(bus, chunks=1000)
    counted.chunks = 0
    await history.tail(Selection("error"), 3)
    assert counted.chunks < 30


async def test_small_chunks_are_read_many_at_a_time_and_large_ones_few(bus, history, counted):
    log = MemoryLog(bus)
    for _ in range(600):
        log.add("short")
    for _ in range(100):
        log.add("x" * 60_000)
    sizes, sequence = [], 0
    while pieces := await history.after(sequence):
        sizes.append(len(pieces))
        sequence = pieces[-1].sequence
    assert max(sizes) == 64
    assert set(sizes[-20:]) == {2}
    assert sum(sizes) == 700


async def test_a_chunk_that_cannot_be_read_is_passed_over(bus, history):
    log = MemoryLog(bus)
    log.add("one")
    bus.lines.chunks[log.subject].append(Raw(2, log.subject, b"{nonsense"))
    pieces = await history.after(0)
    assert [piece.head and piece.head.last for piece in pieces] == [1, None]
    assert await history.newest() == Piece(2, None)
