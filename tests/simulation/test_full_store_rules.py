"""PROTOCOL, A6: a store that fills up takes nothing new in time, so that what runs can end in it."""

import asyncio
from datetime import UTC, datetime

from onward.contract import events as ev
from onward.contract.errors import StoreFull
from onward.contract.log import Decision
from onward.testing.event_log import EventStream
from onward.testing.faults import CALM, ROUGH, Faults
from onward_gateway.store import Store
from tests.simulation.installation import Installation, Setup, broken, first_broken, said
from tests.simulation.scenarios import tasks

SEEDS = range(20)
ROOM = 60_000
MARK = 0.85
AT_ONCE = 3
"""Executions under way: what the room above the mark has to be enough for, crashes and second attempts included."""


class Limited(EventStream):
    """EVENTS with `max_bytes` and `discard: new`: what does not fit is refused, and nothing makes room for it."""

    def __init__(self) -> None:
        super().__init__()
        self.used = 0

    def append(self, decision: Decision) -> int:
        size = sum(len(ev.encode(event)) for event in decision.events)
        self.full = self.used + size > ROOM
        sequence = super().append(decision)
        self.used += size
        return sequence


def filling_up(mark: float, faults: Faults = CALM):
    """Callers submit, a few at a time, until they are refused; what was accepted has to end all the same."""

    async def main(random):
        events = Limited()
        here = Installation(random, Setup(tasks=tasks), faults=faults, events=events)
        here.impatient = False

        async def usage() -> tuple[int, int]:
            return events.used, ROOM

        store = Store(usage, mark)
        try:
            for _ in range(200):
                await store.look(datetime.now(UTC))
                store.check()
                if sum(not here.ended(i) for i in here.client.ids) < AT_ONCE:
                    await here.client.submit(random.choice(["steps", "flaky", "sleepy"]))
                await asyncio.sleep(1.0)
            refused = False
        except StoreFull:
            refused = True
        left = await here.settled(200)
        if left:
            return said(here.report()) or f"{len(left)} never ended"
        return said(here.report()) or (None if refused else "never full")

    return main


def test_a6_what_runs_while_the_store_fills_up_ends_in_the_room_that_is_kept_for_it():
    assert broken(filling_up(MARK), SEEDS) == {}


def test_a6_on_bad_days_too():
    assert broken(filling_up(MARK, faults=ROUGH), SEEDS) == {}


def test_a6_with_no_room_kept_what_runs_cannot_end():
    """PLANTED: new work is taken in for as long as it fits."""
    assert "never ended" in first_broken(filling_up(1.0), SEEDS)
