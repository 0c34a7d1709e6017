"""Hands the trigger keeper the ends that something follows; see onward.bus.triggers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import attrgetter

import msgspec

from onward.bus.begin_permits import BeginPermit
from onward.bus.ports import EventLog, Objects, Raw
from onward.bus.triggers import TriggerKeeper
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.process.metrics import Metrics

# Most ends are followed by nothing and are not worth decoding: their JSON is ours, so it is written without spaces.
_ENDS = (b'{"type":"completed"', b'{"type":"failed"', b'{"type":"cancelled"')
_THEN = b'"then":['


class Triggers:
    """A follower of EVENTS; what it does for an event twice is the same."""

    def __init__(
        self,
        events: EventLog,
        objects: Objects,
        moment: Callable[[], Moment],
        permit: BeginPermit,
        metrics: Metrics,
    ) -> None:
        self._keeper = TriggerKeeper(events, objects, moment, asyncio.create_task, permit=permit)
        gauges = {
            "onward_triggered_total": ("Executions submitted because another one ended", "started"),
            "onward_triggered_unfit_total": (
                "Those of them that failed at once: no input, or denied",
                "unfit",
            ),
        }
        for name, (text, counted) in gauges.items():
            metrics.gauge(name, text).set(partial(attrgetter(counted), self._keeper))

    def take(self, batch: Sequence[Raw]) -> Awaitable[None] | None:
        """Begins what these ask for; what it returns ends when all of that is on disk."""
        acts = [
            act
            for raw in batch
            if raw.data.startswith(_ENDS) and _THEN in raw.data
            if (event := _readable(raw.data)) is not None and (act := self._keeper.take(event)) is not None
        ]
        return _all(acts) if acts else None


async def _all(acts: "list[asyncio.Future[None]]") -> None:
    await asyncio.gather(*acts)


def _readable(data: bytes) -> ev.AnyEvent | None:
    try:
        return ev.decode(data)
    except msgspec.MsgspecError:
        return None
