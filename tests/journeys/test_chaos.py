"""Everything at once against real processes: killed, stopped, cut off, held up and slowed down; the checker judges.

A run prints its seed, and what it did. One whose faults did not hit work under way proves nothing, and fails as such.
ONWARD_CHAOS_SEED=7 lets the same faults come in the same order again; what they hit is up to the machine.
"""

import asyncio
import os
import secrets
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.chaos import Storm, storm
from tests.support.chaos_book import Book
from tests.support.platform import platform


@pytest.mark.timeout(400)
async def test_kills_pauses_and_broken_wires_break_no_promise(tmp_path: Path) -> None:
    await chaos(tmp_path, seconds=20.0, every=0.4, clients=4, landed=2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_two_minutes_of_chaos_break_no_promise(tmp_path: Path) -> None:
    await chaos(tmp_path, seconds=120.0, every=0.8, clients=8, landed=5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_ten_minutes_of_chaos_break_no_promise(tmp_path: Path) -> None:
    await chaos(tmp_path, seconds=600.0, every=2.0, clients=8, landed=10)


async def chaos(folder: Path, *, seconds: float, every: float, clients: int, landed: int) -> None:
    seed = int(os.environ.get("ONWARD_CHAOS_SEED") or secrets.randbelow(2**31))
    print(f"ONWARD_CHAOS_SEED={seed}, in {folder}")
    async with platform(folder, workers=2, slots=20) as onward, storm(onward, seed) as faults:
        book, stop = Book(onward), asyncio.Event()
        work = [asyncio.create_task(book.submit_on(number, stop)) for number in range(clients)]
        work.append(asyncio.create_task(book.read_on(stop)))
        try:
            await book.until(20)
            await faults.blow(seconds, every, least=landed)
        finally:
            stop.set()
            await asyncio.gather(*work)
        await judged(book, faults, landed)


async def judged(book: Book, faults: Storm, landed: int) -> None:
    """Nothing is broken and everything completed; where not, the run is told in full first."""
    began, ends = time.monotonic(), dict[str, str]()
    try:
        for one in book.accepted:
            ends[one] = (await book.onward.ended(one, within=90))["status"]
        drained = time.monotonic() - began
        await book.projected()
    except AssertionError:
        await book.judged(faults.faults, landed)
        tell(book, faults, [one for one in book.accepted if ends.get(one) != "completed"])
        raise
    report = await book.judged(faults.faults, landed)
    print(
        f"{len(book.accepted)} accepted, {dict(Counter(ends.values()))}, {len(faults.faults)} faults, "
        f"on work under way {dict(faults.landed)}, {report.steps_begun} steps begun, {report.steps_repeated} again, "
        f"drained in {drained:.0f} s"
    )
    wrong = [one for one, status in ends.items() if status != "completed"]
    tell(book, faults, [*wrong, *(broken.execution_id for broken in report.violations)])
    assert report.violations == []
    assert report.vacuous == []
    assert wrong == []


def tell(book: Book, faults: Storm, wrong: list[str], most: int = 10) -> None:
    """What is known of executions with which something is wrong, and every fault that came."""
    for execution_id in dict.fromkeys(wrong[:most]):
        print(book.story(execution_id))
    for fault in faults.faults if wrong else ():
        print(fault)
