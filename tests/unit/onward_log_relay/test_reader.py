import asyncio

import msgspec
import pytest

from onward.bus.ports import Raw
from onward_log_relay.fan_out import Watches
from onward_log_relay.history import History
from onward_log_relay.reader import End, Reader
from onward_log_relay.selection import Selection
from onward_log_relay.states import States
from tests.support.log_relay import ID, PROJECT, Life, MemoryLog
from tests.unit.onward_log_relay.test_history import Counting


@pytest.fixture
def log(bus):
    return MemoryLog(bus)


def reader(process, selection=None, after=0, live=None, lines=None):
    return Reader(History(lines or process.lines, PROJECT, ID), selection or Selection(), after, live)


def shown(picked):
    return [msgspec.json.decode(line) for _, line in picked.each()]


async def rest(one):
    """All lines up to the end, and that end."""
    lines = []
    async with asyncio.timeout(10):
        while not isinstance(item := await one.next(), End):
            lines += shown(item)
    return lines, item


async def test_a_stored_log_is_read_from_its_beginning_to_its_end(process, log):
    for i in range(50):
        log.add(*[f"{i} {j}" for j in range(i % 7 + 1)])
    lines, end = await rest(reader(process))
    assert [line["text"] for line in lines] == log.texts
    assert [line["line"] for line in lines] == list(range(1, len(log.lines) + 1))
    assert end == End(len(log.lines))


@pytest.mark.parametrize("after", [1, 99, 100, 101, 1234, 1999, 2000, 5000])
async def test_reading_goes_on_behind_any_line(process, log, after):
    for i in range(20):
        log.add(*[f"{i} {j}" for j in range(100)])
    lines, _ = await rest(reader(process, after=after))
    assert [line["line"] for line in lines] == list(range(after + 1, 2001))


async def test_a_log_that_does_not_exist_ends_at_once(process):
    assert await reader(process).next() == End(0)


@pytest.mark.parametrize("level", ["warning", "error"])
async def test_a_level_is_read_without_what_lies_between(process, log, level):
    for i in range(2000):
        log.add("dull", "dull", level="info" if i % 500 else "error")
    counted = Counting(process.lines)
    lines, _ = await rest(reader(process, Selection(level), lines=counted))
    assert [line["line"] for line in lines] == [n.line for n in log.lines if n.level == "error"]
    assert counted.chunks < 500


async def test_a_level_that_does_not_occur_is_told_without_reading_everything(process, log):
    for _ in range(2000):
        log.add("dull")
    counted = Counting(process.lines)
    lines, end = await rest(reader(process, Selection("critical"), lines=counted))
    assert lines == []
    assert end == End(2000)
    assert counted.chunks < 300


async def test_chunks_without_counts_are_all_read(process, log):
    for i in range(100):
        log.add("dull", level="info" if i % 30 else "error", indexed=False)
    lines, _ = await rest(reader(process, Selection("error")))
    assert [line["line"] for line in lines] == [1, 31, 61, 91]


async def test_lines_that_retention_removed_are_told_in_a_marker(process, bus, log):
    for i in range(10):
        log.add(f"{i} a", f"{i} b")
    del bus.lines.chunks[log.subject][:4]
    lines, _ = await rest(reader(process))
    assert [line["line"] for line in lines] == list(range(8, 21))
    assert lines[0]["text"] == "lines 1 to 8 are not kept any more"
    resumed, _ = await rest(reader(process, after=8))
    assert resumed == lines[1:]


async def test_a_chunk_that_cannot_be_read_is_told_in_a_marker(process, bus, log):
    log.add("one")
    bus.lines.append(log.subject, b"{", 1)
    log.chunk("two", "three")
    log.add("four")
    lines, _ = await rest(reader(process))
    assert [line["text"] for line in lines] == ["one", "lines 2 to 3 are not kept any more", "four"]


async def test_a_chunk_that_says_lines_again_does_not_repeat_them(process, bus, log):
    log.add("one", "two")
    log.add("three")
    again = bus.lines.chunks[log.subject][0].data
    bus.lines.append(log.subject, again, 2)
    log.add("four")
    assert [line["text"] for line in (await rest(reader(process)))[0]] == ["one", "two", "three", "four"]


# Following


@pytest.fixture
async def watch(process, bus):
    await (await Life(process).submitted()).started()
    watches = Watches(process.lines, process.messages, States(process.events, process.messages))
    async with watches.of(PROJECT, ID) as watch:
        watch.follow_log()
        yield watch


async def test_following_goes_from_stored_to_live_without_gap_or_repetition(process, bus, log, watch):
    for i in range(30):
        log.add(f"stored {i}")
    one = reader(process, live=watch)

    async def write():
        for i in range(200):
            log.add(f"live {i}", f"live {i} b")
            await asyncio.sleep(0)
        await Life(process).completed()

    writing = asyncio.create_task(write())
    lines, end = await rest(one)
    await writing
    assert [line["text"] for line in lines] == log.texts
    assert end == End(len(log.lines))


async def test_a_reader_far_behind_what_is_live_catches_up_from_the_store(process, bus, log, watch):
    one = reader(process, live=watch)
    log.add("first")
    assert shown(await one.next())[0]["text"] == "first"
    for _ in range(100):
        log.add("x" * 16_000)
    async with asyncio.timeout(5):
        while watch.newest < bus.lines.last:
            await watch.changed.wait()
    assert watch.floor > 1
    await Life(process).completed()
    lines, _ = await rest(one)
    assert len(lines) == 100


async def test_an_idle_log_gives_a_sign_of_life(process, log, watch):
    assert await reader(process, live=watch).next(idle=0.01) is None


async def test_following_ends_when_the_execution_has_ended_and_every_line_is_out(process, log, watch):
    log.add("one")
    one = reader(process, live=watch)
    await one.next()
    waiting = asyncio.create_task(one.next())
    log.add("last words", end=True)
    await Life(process).completed()
    assert shown(await waiting)[0]["text"] == "last words"
    assert await one.next() == End(2)


async def test_following_an_ended_execution_without_a_log_ends(process, watch):
    await Life(process).completed()
    async with asyncio.timeout(5):
        assert await reader(process, live=watch).next() == End(0)


async def test_a_store_that_lags_behind_what_was_heard_loses_nothing(process, bus, log, watch):
    """What a lagging replica does not show yet is asked for again (reads may be stale, appends are not)."""
    log.add("one")
    async with asyncio.timeout(5):
        while watch.floor is None or watch.newest < 1:
            await watch.changed.wait()

    class Lagging:
        reads = 0

        async def read(self, project, execution_id, *, after=0, most=256):
            self.reads += 1
            return (
                []
                if self.reads < 3
                else await process.lines.read(project, execution_id, after=after, most=most)
            )

    watch.floor = 1  # "one" is only in the store
    watch._ring.clear()
    one = reader(process, live=watch, lines=Lagging())
    assert shown(await one.next())[0]["text"] == "one"


async def test_what_retention_removed_under_a_reader_does_not_stop_it(process, bus, log, watch):
    for _ in range(60):
        log.add("x" * 16_000)
    async with asyncio.timeout(5):
        while watch.newest < 60:
            await watch.changed.wait()
    bus.lines.chunks[log.subject] = bus.lines.chunks[log.subject][-1:]
    await Life(process).completed()
    lines, _ = await rest(reader(process, live=watch))
    assert lines[-1]["line"] == 60
    assert isinstance(bus.lines.chunks[log.subject][0], Raw)
