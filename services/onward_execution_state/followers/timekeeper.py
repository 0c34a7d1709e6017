"""Sets a timer for each due time and deadline of an event; takes a cancelled execution's away (PROTOCOL M1-M3)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.process.metrics import Metrics

Schedule = Callable[[ev.AnyEvent, int], Awaitable[bool]]
"""Sets the timer of an event that is stored at a sequence; False where the server will never take it."""
Purge = Callable[[str, str], Awaitable[int]]
"""Takes all timers of an execution away; how many."""

# Most events name neither and are not worth decoding: their JSON is ours, so it is written without spaces.
_DUE, _DEADLINES, _CANCELLED = b'"due":', b'"deadlines":', b'"type":"cancelled"'


class Timekeeper:
    """A follower of EVENTS: setting a timer again sets the same timer."""

    def __init__(self, schedule: Schedule, purge: Purge, metrics: Metrics) -> None:
        self._schedule = schedule
        self._purge = purge
        self._set = metrics.counter("onward_timers_set_total", "Timers set because an event named a due time")
        self._skipped = metrics.counter(
            "onward_timers_skipped_total", "Due times that no timer can be set for"
        )

    async def __call__(self, batch: Sequence[Raw]) -> None:
        """Acts on these, all at once. Raises Unavailable where one is not known to be set: then all come again."""
        acts = [
            self._act(raw.sequence, event)
            for raw in batch
            if (_DUE in raw.data or _DEADLINES in raw.data or _CANCELLED in raw.data)
            and (event := _readable(raw.data)) is not None
        ]
        await asyncio.gather(*acts)

    async def _act(self, sequence: int, event: ev.AnyEvent) -> None:
        if event.due is not None or event.deadlines:
            done = await self._schedule(event, sequence)
            (self._set if done else self._skipped).add()
        elif isinstance(event, ev.Cancelled):
            await self._purge(event.project, event.execution_id)


def _readable(data: bytes) -> ev.AnyEvent | None:
    try:
        return ev.decode(data)
    except msgspec.MsgspecError:
        return None
