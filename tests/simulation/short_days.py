"""Thousands of short days on all cores. `python -m tests.simulation.short_days 200000` prints what came of them."""

import gc
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from random import Random
from types import FrameType

import msgspec

from onward.testing.faults import ROUGH, Faults
from onward.worker import keeper
from onward.worker.lease import Lease
from tests.simulation.everything import Everything
from tests.simulation.installation import Installation, Setup, outcome, said
from tests.simulation.scenarios import tasks

TASKS = ("steps", "long", "sleepy", "asks", "flaky")
DAYS = (
    ROUGH,
    Faults(delay=0.05, unanswered=0.3, stale=0.2, lag=0.3, redelivery=0.1),
    Faults(delay=0.05, unanswered=0.05, stale=0.3, lag=2.0, redelivery=0.8),
)
ALL_OF_IT = 40
"""Each so manieth day is one on which everything is done that a task and people can do."""
AT_ONCE = 50
ENDLESS = 30
"""Seconds of a processor after which a day is taken for one that never ends; it takes hundredths of one."""


class Endless(SystemExit):
    """Raised in code that goes round in circles: an event loop lets nothing else through."""


class Figures(msgspec.Struct):
    """What happened on some days, added up."""

    broken: dict[int, str] = {}
    """Seeds, and what was wrong."""
    days: int = 0
    events: int = 0
    landed: int = 0
    """Kills, pauses and restarts that hit work under way."""
    refused: int = 0
    """Appends that the fence refused."""
    repeated: int = 0
    """Steps that ran again, as their worker was lost in the middle of one."""

    def add(self, other: "Figures") -> None:
        self.broken |= other.broken
        for name in ("days", "events", "landed", "refused", "repeated"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def some(seeds: Iterable[int]) -> Figures:
    """These days, one after the other."""
    figures = Figures()

    async def short(random: Random) -> str | None:
        setup = Setup(tasks=tasks, lease=Lease(ack_wait=random.choice((1.0, 5.0, 20.0))))
        here = Installation(random, setup, faults=random.choice(DAYS))
        report = await here.day(
            [random.choice(TASKS) for _ in range(random.choice((1, 1, 2)))], random.uniform(2, 10)
        )
        figures.repeated += report.steps_repeated
        count(here)
        return said(report)

    async def whole(random: Random) -> str | None:
        here = Everything(random, ROUGH)
        wrong = await here.whole_day(programs=1, seconds=8)
        count(here)
        return wrong

    def count(here: Installation) -> None:
        figures.events += len(here.archive)
        figures.landed += sum(fault.landed for fault in here.book.history.faults)
        figures.refused += here.bus.events.refused

    for seed in seeds:
        try:
            with no_longer_than(ENDLESS):
                wrong = outcome(seed, short if seed % ALL_OF_IT else whole)
        except Endless as endless:
            wrong = str(endless)
        if wrong:
            figures.broken[seed] = wrong
        figures.days += 1
    return figures


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raises Endless in whatever runs, once it has taken so many seconds of the processor."""

    def stop(_: int, frame: FrameType | None) -> None:
        where = traceback.format_stack(frame, limit=3)
        raise Endless(f"goes round in circles: {' '.join(''.join(where).split())}")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def on_all_cores(seeds: range) -> Figures:
    """These days, side by side."""
    figures = Figures()
    parts = [seeds[at : at + AT_ONCE] for at in range(0, len(seeds), AT_ONCE)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), initializer=_quiet) as pool:
        for part in pool.map(some, parts):
            figures.add(part)
    return figures


def _quiet() -> None:
    """No log lines, few heartbeats, as nobody here listens; what was imported is looked through no more for garbage."""
    keeper.BEAT_FIRST = keeper.BEAT_EVERY = 15.0
    logging.disable(logging.CRITICAL)
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def main() -> int:
    """Prints the figures of as many days as it is told, from the given seed on."""
    count, first = ([int(word) for word in sys.argv[1:]] + [10_000, 0])[:2] if sys.argv[1:] else (10_000, 0)
    began = time.monotonic()
    figures = on_all_cores(range(first, first + count))
    took = time.monotonic() - began
    for seed, wrong in figures.broken.items():
        print(f"seed {seed}: {wrong}")
    print(
        f"{figures.days} days in {took:.0f} s ({figures.days / took:.0f} a second), {len(figures.broken)} bad; "
        f"{figures.events} events, {figures.landed} faults hit work under way, {figures.refused} late writes were "
        f"refused, {figures.repeated} steps ran again"
    )
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
