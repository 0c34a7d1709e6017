"""The checker is shown to fail in real processes: a fault is built into a service, and short chaos must name it."""

import asyncio
import os
import secrets
from pathlib import Path

import pytest

from onward.testing.checker import Report
from tests.support.chaos import storm
from tests.support.planted_book import PlantedBook
from tests.support.platform import platform

EXPECTED = {
    "no_fence": {"I2", "I4", "I5"},
    "ack_before_the_checkpoint": {"I3"},
    "checkpoint_before_the_end": {"I3"},
    "key_of_a_window": {"I1"},
    "cancel_read_once": {"I9"},
    "answer_without_comparison": {"I12"},
    "delay_in_memory": {"I13"},
    "relay_resumes_by_time": {"I6"},
    "accepted_before_it_is_stored": {"I1"},
}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", sorted(EXPECTED))
async def test_a_fault_that_is_built_in_is_found_in_real_processes(fault: str, tmp_path: Path) -> None:
    report = await short_chaos(tmp_path, fault)
    assert report.broken & EXPECTED[fault], report.broken


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_without_a_fault_that_is_built_in_the_same_chaos_breaks_nothing(tmp_path: Path) -> None:
    report = await short_chaos(tmp_path, "nothing")
    assert report.violations == []
    assert report.steps_begun > 100


async def short_chaos(folder: Path, fault: str) -> Report:
    """Twenty seconds of kills and pauses with callers of every kind, and what the checker says of it."""
    seed = int(os.environ.get("ONWARD_CHAOS_SEED") or secrets.randbelow(2**31))
    print(f"ONWARD_CHAOS_SEED={seed}, in {folder}")
    async with platform(folder, workers=2, slots=20) as onward:
        onward.program = lambda module: ["tests.support.planted_program", fault, module]
        async with storm(onward, seed, ("kill", "pause")) as faults:
            book, stop = PlantedBook(onward), asyncio.Event()
            kinds = (
                book.cancel_on,
                book.repeat_on,
                book.fail_on,
                book.answer_on,
                book.follow_on,
                book.read_on,
            )
            work = [asyncio.create_task(kind(stop)) for kind in kinds for _ in range(2)]
            work += [asyncio.create_task(book.submit_on(number, stop)) for number in range(3)]
            await book.schedule(25)
            await faults.blow(20, 0.2, least=0)
            stop.set()
            await asyncio.gather(*work)
            report = book.report(await book.at_rest(), faults.faults)
    print(
        f"{fault}: {sorted(report.broken)}, {len(report.violations)} violations, {report.executions} executions"
    )
    for violation in report.violations[:8]:
        print(violation)
    return report
