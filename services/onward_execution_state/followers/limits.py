"""Runs the limit keeper, and hands it what concerns it (PROTOCOL L1); see onward.bus.limit_keeper."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

import msgspec

from onward.bus.bus import Bus
from onward.bus.limit_asking import serve
from onward.bus.limit_keeper import LimitKeeper
from onward.bus.limit_log import ACK_WAIT, LimitKeys, open_gate
from onward.bus.limit_rules import LimitRules
from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.process.metrics import Metrics

# Most events concern no limit and are not worth decoding: their JSON is ours, so it is written without spaces.
_SUBMITTED, _MOVED = b'{"type":"submitted"', b'{"type":"moved"'
_GIVE_BACK = (
    b'{"type":"completed"', b'{"type":"failed"', b'{"type":"cancelled"', b'{"type":"suspended"',
    b'{"type":"attempt_failed"',
)  # fmt: skip
_KEYS, _LIMITS, _DUE = b'"gives_back":', b'"limits":', b'"due":'
_KINDS_OF_CONFIG = {"limit", "queue", "task"}


class Limits:
    """A follower of EVENTS; what it does for an event twice is the same."""

    def __init__(
        self, bus: Bus, moment: Callable[[], Moment], metrics: Metrics, *, make: Callable[[], Awaitable[None]]
    ) -> None:
        """`make` makes the streams that are missing."""
        self._bus = bus
        self._keeper = LimitKeeper(
            bus.events, LimitKeys(bus.connection, make), bus.messages, moment, asyncio.create_task,
            rules=LimitRules(bus.config),
        )  # fmt: skip
        gauges: dict[str, tuple[str, Callable[[], float]]] = {
            "onward_limits_admitted_total": (
                "Executions that their limits admitted",
                self._counted("admitted"),
            ),
            "onward_limits_leaks_total": (
                "Keys held by who had ended, released by the audit",
                self._counted("leaks"),
            ),
            "onward_limits_waiting": (
                "Executions that wait for their limits",
                lambda: len(self._keeper.lines.waiting),
            ),
        }
        for name, (text, value) in gauges.items():
            metrics.gauge(name, text).set(value)

    def _counted(self, name: str) -> Callable[[], float]:
        return partial(attrgetter(name), self._keeper)

    async def run(self) -> None:
        """Admit, for ever. Raises Unavailable where what waits cannot be had."""
        hints = await open_gate(self._bus.connection)
        stop = await serve(self._bus.messages, self._keeper)
        try:
            await self._keeper.run(hints, ACK_WAIT / 3)
        finally:
            await stop()
            await hints.close()

    def changed(self, _project: str, kind: str, _name: str, _data: bytes | None, _sequence: int) -> None:
        """A limit may be another one now."""
        if kind in _KINDS_OF_CONFIG:
            self._keeper.stir()

    def hear(self, data: bytes) -> None:
        """Acts at once on what was stored just now."""
        if _concerns(data) and (event := _readable(data)) is not None:
            self._keeper.take(event)

    def take(self, batch: Sequence[Raw]) -> Awaitable[Any] | None:
        """Begins what these ask for; what it returns ends when all of that is done."""
        events = (_readable(raw.data) for raw in batch if _concerns(raw.data))
        acts = [
            act for event in events if event is not None and (act := self._keeper.take(event)) is not None
        ]
        return asyncio.gather(*acts) if acts else None


def _concerns(data: bytes) -> bool:
    if data.startswith(_GIVE_BACK):
        return _KEYS in data
    return data.startswith(_MOVED) or (data.startswith(_SUBMITTED) and _LIMITS in data and _DUE in data)


def _readable(data: bytes) -> ev.AnyEvent | None:
    try:
        return ev.decode(data)
    except msgspec.MsgspecError:
        return None
