import asyncio
import threading
from datetime import UTC, datetime

import pytest

from onward.contract import lines as li
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.testing.bus import MemoryBus
from onward.worker import line_buffer
from onward.worker.logs import LineWriter, current_writer, log

ID = "01939e5c-0000-7000-8000-000000000001"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def bus():
    return MemoryBus()


def writer(bus, attempt=1, worker="w1", process=None, **options):
    process = process or bus.process(worker)
    return LineWriter(process.lines, "default", ID, attempt, worker, lambda: NOON, **options)


def chunks(bus):
    return [li.decode(raw.data) for raw in bus.lines.chunks.get(subjects.logs("default", ID), [])]


def stored(bus):
    """All stored lines, whose numbers and counts must fit together."""
    lines = []
    for chunk in chunks(bus):
        assert chunk.first == len(lines) + 1
        assert chunk.count == len(chunk.lines)
        assert sum(chunk.before.values()) == len(lines)
        lines += chunk.lines
        assert sum(chunk.totals.values()) == len(lines)
    assert [line.line for line in lines] == list(range(1, len(lines) + 1))
    return lines


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_execution_that_logs_nothing_costs_nothing(bus):
    process, before = bus.process("w1"), len(asyncio.all_tasks())
    quiet = writer(bus, process=process)
    assert await quiet.close()
    assert process.calls == 0
    assert len(asyncio.all_tasks()) == before


async def test_lines_written_together_are_one_chunk_with_a_number_each(bus):
    w = writer(bus)
    for i in range(3):
        w.write("info" if i else "error", "stdout", f"line {i}", "fetch")
    assert await w.close()
    assert [line.text for line in stored(bus)] == ["line 0", "line 1", "line 2"]
    assert stored(bus)[0] == li.Line(1, NOON, "error", "stdout", 1, "fetch", "line 0")
    assert [(chunk.levels, chunk.end) for chunk in chunks(bus)] == [({"error": 1, "info": 2}, True)]


async def test_lines_are_sent_soon_without_a_close(bus):
    w = writer(bus)
    w.write("info", "stdout", "live")
    await until(lambda: stored(bus))
    assert not chunks(bus)[0].end


async def test_the_end_of_the_log_is_told_when_all_lines_were_sent_before(bus):
    w = writer(bus)
    w.write("info", "stdout", "live")
    await until(lambda: stored(bus))
    assert await w.close()
    assert [(chunk.count, chunk.end) for chunk in chunks(bus)] == [(1, False), (0, True)]
    assert len(stored(bus)) == 1


async def test_no_chunk_is_larger_than_64_kib(bus):
    w = writer(bus)
    for i in range(1000):
        w.write("info", "stdout", f"{i} " + "ü" * 200)
    assert await w.close()
    sizes = [len(raw.data) for raw in bus.lines.chunks[subjects.logs("default", ID)]]
    assert len(stored(bus)) == 1000
    assert max(sizes) <= li.MAX_CHUNK
    assert min(sizes[:-1]) > li.MAX_CHUNK // 2


async def test_a_new_attempt_goes_on_from_the_last_chunk(bus):
    first, second = writer(bus), writer(bus, attempt=2, worker="w2")
    first.write("warning", "log", "one")
    await first.close()
    second.write("info", "log", "two")
    await second.close()
    assert [(line.line, line.attempt, line.text) for line in stored(bus)] == [(1, 1, "one"), (2, 2, "two")]
    assert chunks(bus)[1].totals == {"warning": 1, "info": 1}


async def test_the_same_attempt_goes_on_after_a_suspension(bus):
    for worker in ("w1", "w2"):
        w = writer(bus, attempt=1, worker=worker)
        w.write("info", "log", worker)
        assert await w.close()
    assert [line.text for line in stored(bus)] == ["w1", "w2"]


async def test_a_zombie_cannot_write_a_line_number_twice(bus):
    lost = asyncio.Event()
    old, new = writer(bus, on_lost=lost.set), writer(bus, attempt=2, worker="w2")
    old.write("info", "log", "1")
    await until(lambda: len(stored(bus)) == 1)
    new.write("info", "log", "2")
    await until(lambda: len(stored(bus)) == 2)
    old.write("info", "log", "2 again")
    async with asyncio.timeout(5):
        await lost.wait()
    new.write("info", "log", "3")
    await new.close()
    assert old.lost
    assert [line.text for line in stored(bus)] == ["1", "2", "3"]


async def test_a_zombie_that_never_wrote_sees_the_newer_attempt(bus):
    lost = asyncio.Event()
    old, new = writer(bus, attempt=2, on_lost=lost.set), writer(bus, attempt=3, worker="w2")
    new.write("info", "log", "new")
    await new.close()
    old.write("info", "log", "old")
    async with asyncio.timeout(5):
        await lost.wait()
    assert [line.text for line in stored(bus)] == ["new"]


async def test_the_owner_goes_on_behind_what_a_zombie_still_wrote(bus):
    old, new = writer(bus), writer(bus, attempt=2, worker="w2")
    old.write("info", "log", "1")
    await until(lambda: len(stored(bus)) == 1)
    new.write("info", "log", "2")
    await until(lambda: len(stored(bus)) == 2)
    # An older attempt whose append overtook the owner's next one.
    late = li.Chunk(
        execution_id=ID, attempt=1, worker_id="w1", first=3, count=1, levels={"info": 1}, before={"info": 2},
        lines=[li.Line(3, NOON, "info", "log", 1, None, "late")],
    )  # fmt: skip
    bus.lines.append(subjects.logs("default", ID), li.encode(late), expected=2)
    new.write("info", "log", "4")
    assert await new.close()
    assert not new.lost
    assert [line.text for line in stored(bus)] == ["1", "2", "late", "4"]


class Flaky:
    """Lines over a connection that loses answers: the chunk is stored or not, the caller cannot know."""

    def __init__(self, lines, fates):
        self.lines, self.fates = lines, list(fates)

    async def append(self, project, execution_id, chunk, expected):
        fate = self.fates.pop(0) if self.fates else "ok"
        if fate == "not stored":
            raise Unavailable
        sequence = await self.lines.append(project, execution_id, chunk, expected)
        if fate == "stored":
            raise Unavailable
        return sequence

    async def last(self, project, execution_id):
        return await self.lines.last(project, execution_id)


@pytest.mark.parametrize("fates", [["stored"], ["not stored"], ["stored", "not stored", "stored", "stored"]])
async def test_a_chunk_of_unknown_outcome_is_stored_once(bus, fates):
    w = LineWriter(Flaky(bus.process("w1").lines, fates), "default", ID, 1, "w1", lambda: NOON)
    for i in range(4):
        w.write("info", "stdout", str(i))
        await until(lambda i=i: len(stored(bus)) == i + 1)
    assert await w.close()
    assert not w.lost
    assert [line.text for line in stored(bus)] == ["0", "1", "2", "3"]


async def test_what_the_buffer_cannot_hold_is_counted_in_a_marker_line(bus):
    process = bus.process("w1")
    w = writer(bus, process=process)
    process.cut()
    for i in range(line_buffer.MAX_LINES + 500):
        w.write("info", "stdout", str(i))
    process.heal()
    await until(lambda: len(stored(bus)) > line_buffer.MAX_LINES / 2)
    w.write("info", "stdout", "after")
    assert await w.close()
    lines = stored(bus)
    kept = [line for line in lines if line.stream == "stdout"]
    dropped = line_buffer.MAX_LINES + 501 - len(kept)
    markers = [line for line in lines if line.stream == "system"]
    assert dropped > 0
    assert sum(int(line.text.split()[0]) for line in markers) == dropped == chunks(bus)[-1].dropped
    # In its place: behind the last line that was kept, before the first one that came later.
    assert int(lines[lines.index(markers[0]) - 1].text) == len(kept) - 2
    assert lines[-1].text == "after"


async def test_the_buffer_is_bounded_in_bytes(bus):
    process = bus.process("w1")
    w = writer(bus, process=process)
    process.cut()
    for _ in range(300):
        w.write("info", "stdout", "x" * 10_000)
    process.heal()
    assert await w.close()
    kept = sum(len(line.text) for line in stored(bus) if line.stream == "stdout")
    assert line_buffer.MAX_BYTES * 0.9 < kept <= line_buffer.MAX_BYTES


async def test_a_thread_that_writes_faster_waits_and_loses_nothing(bus):
    w = writer(bus)
    token = current_writer.set(w)
    await asyncio.to_thread(lambda: [log(str(i)) for i in range(30_000)])
    current_writer.reset(token)
    assert await w.close()
    assert [line.text for line in stored(bus)] == [str(i) for i in range(30_000)]


async def test_a_thread_is_not_kept_for_long_while_the_log_is_down(bus):
    process = bus.process("w1")
    w = writer(bus, process=process)
    process.cut()
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.to_thread(lambda: [w.write("info", "stdout", "x") for _ in range(20_000)])
    assert loop.time() - started < 3
    process.heal()
    assert await w.close()
    assert chunks(bus)[-1].dropped == 20_000 - len([x for x in stored(bus) if x.stream == "stdout"]) > 0


async def test_lines_of_many_threads_are_all_stored(bus):
    w = writer(bus)
    threads = [
        threading.Thread(target=lambda t=t: [w.write("info", "stdout", f"{t} {i}") for i in range(500)])
        for t in range(8)
    ]
    for thread in threads:
        thread.start()
    await until(lambda: not any(thread.is_alive() for thread in threads))
    assert await w.close()
    of_each = [[line.text for line in stored(bus) if line.text.startswith(f"{t} ")] for t in range(8)]
    assert of_each == [[f"{t} {i}" for i in range(500)] for t in range(8)]


async def test_who_waits_for_room_loses_nothing_on_the_loop(bus):
    w = writer(bus)
    for i in range(30_000):
        w.write("info", "stdout", str(i))
        await w.room()
    assert await w.close()
    assert len(stored(bus)) == 30_000
    assert chunks(bus)[-1].dropped == 0


async def test_close_gives_up_at_its_deadline_and_says_so(bus):
    process = bus.process("w1")
    w = writer(bus, process=process)
    w.write("info", "stdout", "x")
    process.cut()
    assert not await w.close(within=0.05)
    assert stored(bus) == []
    process.heal()


async def test_what_is_written_after_the_end_is_not_stored(bus):
    w = writer(bus)
    w.write("info", "stdout", "x")
    await w.close()
    w.write("info", "stdout", "too late")
    await asyncio.to_thread(w.write, "info", "stdout", "too late")
    assert [line.text for line in stored(bus)] == ["x"]


async def test_a_level_from_elsewhere_becomes_one_of_ours(bus):
    w = writer(bus)
    for level in ("WARNING", "warn", "fatal", "verbose"):
        w.write(level, "log", level)
    await w.close()
    assert [line.level for line in stored(bus)] == ["warning", "warning", "critical", "info"]


@pytest.mark.parametrize("text", ["a\0b\x1b[31mred\x07\t\u2028", "ünï 🎉", "two\nlines"])
async def test_text_is_stored_as_it_is(bus, text):
    w = writer(bus)
    w.write("info", "log", text)
    await w.close()
    assert stored(bus)[0].text == text


async def test_lone_surrogates_are_replaced(bus):
    w = writer(bus)
    w.write("info", "log", "a\ud800b")
    await w.close()
    assert stored(bus)[0].text == "a\ufffdb"


@pytest.mark.parametrize("letter", ["x", "ü", "🎉", "\0"])
async def test_a_line_too_long_is_cut_and_says_so(bus, letter):
    w = writer(bus)
    w.write("info", "log", letter * (16 * 1024 + 1))
    w.write("info", "log", letter * 4096)
    await w.close()
    long, short = stored(bus)
    assert len(long.text.encode()) <= li.MAX_LINE
    assert long.text.endswith("[cut at 16 KiB]")
    assert short.text == letter * 4096


async def test_the_log_goes_on_after_a_chunk_that_cannot_be_stored(bus):
    refused = asyncio.Event()

    class Refusing(Flaky):
        async def append(self, project, execution_id, chunk, expected):
            if b"poison" in chunk:
                refused.set()
                raise ValueError("no")
            return await self.lines.append(project, execution_id, chunk, expected)

    w = LineWriter(Refusing(bus.process("w1").lines, []), "default", ID, 1, "w1", lambda: NOON)
    w.write("info", "stdout", "poison")
    async with asyncio.timeout(5):
        await refused.wait()
    w.write("info", "stdout", "good")
    assert await w.close()
    assert stored(bus)[0].text == "good"
    assert chunks(bus)[-1].dropped == 1
