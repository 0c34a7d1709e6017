"""Queues events for the channels that subscribe to their types, in the order of the log."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from onward.bus.ports import EventLog, Raw
from onward.contract import events as ev
from onward.contract.alerts import ChannelSpec
from onward.contract.ids import derived_id
from onward.contract.notices import of_event
from onward.contract.watching import labelled
from onward.process.loop import MORE, MoreToDo
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.queueing import enqueue
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load
from onward_execution_state.store import Source

MOST = 500
_SQL = load("alerts.sql")

log = logging.getLogger(__name__)


class Subscribing:
    """The loop's work: what is queued and how far that is move in one transaction."""

    def __init__(
        self,
        known: KnownAlerts,
        *,
        leader: Leader,
        events: EventLog,
        source: Callable[[], Awaitable[Source]],
    ) -> None:
        self._known, self._leader, self._events, self._source = known, leader, events, source

    async def run_once(self, now: datetime) -> MoreToDo | None:
        """One portion of events, up to where the tables are."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return None
        source = await self._source()
        place = (source.stream, source.incarnation)
        projected = await postgres.fetchval(_SQL["position"], *place) or 0
        reached = await postgres.fetchval(_SQL["subscribed_to"], *place)
        if reached is None or not any(True for _ in self._known.subscribers()):
            if reached != projected:
                await postgres.execute(_SQL["subscribe_to"], *place, projected)
            return None
        raws = [raw for raw in await self._events.scan(reached, MOST) if raw.sequence <= projected]
        if not raws:
            return None
        async with postgres.transaction():
            await self._queue(postgres, raws, now)
            await postgres.execute(_SQL["subscribe_to"], *place, raws[-1].sequence)
        return MORE if len(raws) == MOST else None

    async def _queue(self, postgres: Connection, raws: list[Raw], now: datetime) -> None:
        wanted = [
            (event, raw.data, project, channel)
            for raw in raws
            if (event := _event(raw)) is not None
            for project, channel in self._known.subscribers()
            if event.project == project and ev.event_type(event) in channel.events
        ]
        ids = list({event.execution_id for event, *_ in wanted})
        known = {row["id"]: _described(row) for row in await postgres.fetch(_SQL["of_executions"], ids)}
        for event, data, project, channel in wanted:
            execution = known.get(event.execution_id)
            if execution is not None and _fits(channel, execution):
                kind = ev.event_type(event)
                notice = of_event(project, kind, msgspec.Raw(data), event.at, execution)
                await enqueue(postgres, channel, notice, derived_id(event.id, "event", channel.name), now)


def _event(raw: Raw) -> ev.AnyEvent | None:
    try:
        return ev.decode(raw.data)
    except msgspec.MsgspecError:
        return None  # the projection has it in quarantine


def _described(row: Any) -> dict[str, Any]:
    return {**row, "labels": msgspec.json.decode(row["labels"])}


def _fits(channel: ChannelSpec, execution: dict[str, Any]) -> bool:
    return (
        channel.task in {None, execution["task"]}
        and channel.queue in {None, execution["queue"]}
        and channel.agent_id in {None, execution["agent_id"]}
        and (channel.label is None or labelled(execution["labels"], channel.label))
    )
