"""Hands the family keeper what concerns it (PROTOCOL F1-F3); see onward.bus.family."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import attrgetter

import msgspec

from onward.bus.begin_permits import BeginPermit
from onward.bus.family import FamilyKeeper
from onward.bus.ports import EventLog, Messages, Raw
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.process.metrics import Metrics

# Most events concern no family and are not worth decoding: their JSON is ours, so it is written without spaces.
_SUBMITTED, _SPAWNED = b'{"type":"submitted"', b'{"type":"children_spawned"'
_ENDS = (b'{"type":"completed"', b'{"type":"failed"', b'{"type":"cancelled"')
_CHILD, _ORPHANS = b'"child_of":', b'"orphans":'


class Families:
    """A follower of EVENTS; what it does for an event twice is the same."""

    def __init__(
        self,
        events: EventLog,
        messages: Messages,
        moment: Callable[[], Moment],
        permit: BeginPermit,
        metrics: Metrics,
    ) -> None:
        self._keeper = FamilyKeeper(events, messages, moment, asyncio.create_task, permit=permit)
        gauges = {
            "onward_children_ends_told_total": ("Ends of children that parents were told of", "told"),
            "onward_children_done_total": ("Events in which they were told", "appended"),
            "onward_children_repaired_total": (
                "Children created in place of their parent's worker",
                "repaired",
            ),
            "onward_children_stopped_total": ("Children stopped because their parent ended", "stopped"),
        }
        for name, (text, counted) in gauges.items():
            metrics.gauge(name, text).set(partial(attrgetter(counted), self._keeper))

    def hear(self, data: bytes) -> None:
        """Notes at once who was decided on and who is there."""
        if data.startswith(_SPAWNED) or (data.startswith(_SUBMITTED) and _CHILD in data):
            event = _readable(data)
            if event is not None:
                self._keeper.hear(event)

    def take(self, batch: Sequence[Raw]) -> Awaitable[None] | None:
        """Begins what these ask for; what it returns ends when all of that is done."""
        acts = [
            act
            for raw in batch
            if _concerns(raw.data)
            if (event := _readable(raw.data)) is not None and (act := self._keeper.take(event)) is not None
        ]
        return _all(acts) if acts else None


def _concerns(data: bytes) -> bool:
    return data.startswith(_SPAWNED) or (data.startswith(_ENDS) and (_CHILD in data or _ORPHANS in data))


async def _all(acts: "list[asyncio.Future[None]]") -> None:
    await asyncio.gather(*acts)


def _readable(data: bytes) -> ev.AnyEvent | None:
    try:
        return ev.decode(data)
    except msgspec.MsgspecError:
        return None
