"""Looks at every alert rule, once a second, in one replica: opens incidents, resolves them, and queues what is told."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract.alerts import AlertSpec, ChannelSpec
from onward.contract.ids import derived_id
from onward.contract.incidents import Incident, Judged, is_muted, judge
from onward.contract.notices import of_incident
from onward.process.fresh import new_id
from onward.process.metrics import Metrics
from onward_execution_state.alerting.finding import Listening, find
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.queueing import enqueue
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load
from onward_execution_state.store import Source

PATIENCE = timedelta(seconds=30)
"""How long a projection that lags is waited for; then rules look at what there is."""

_SQL = load("alerts.sql")

log = logging.getLogger(__name__)

Key = tuple[str, str]


class Evaluating:
    """The loop's work. All it knows is in Postgres: after a restart it goes on where it was."""

    def __init__(
        self,
        known: KnownAlerts,
        *,
        leader: Leader,
        listening: Listening,
        source: Callable[[], Awaitable[Source]],
        last_sequence: Callable[[], Awaitable[int]],
        metrics: Metrics,
    ) -> None:
        self._known, self._leader, self._listening = known, leader, listening
        self._source, self._last_sequence = source, last_sequence
        self._wanted: int | None = None
        self._waits_since: datetime | None = None
        self._opened = metrics.counter("onward_incidents_total", "Incidents opened.", ("when",))

    async def run_once(self, now: datetime) -> None:
        """One look at all rules."""
        postgres = await self._leader.connection(now)
        if postgres is None or not await self._is_current(postgres, now):
            return
        since = await self._rules(postgres, now)
        open_now = await self._open(postgres)
        for (project, name), spec in list(self._known.alerts.items()):
            mine = open_now.pop((project, name), {})
            try:
                findings = await find(postgres, spec, project, since[project, name], now, self._listening)
            except msgspec.MsgspecError:
                log.exception("rule %s of %s cannot be looked at", name, project)
                continue
            judged = judge(spec, project, findings, mine, now, new_id)
            self._opened.add(len(judged.opened), when=spec.when)
            await self._store(postgres, spec, judged, now)
        await self._abandon(postgres, open_now, now)

    async def _is_current(self, postgres: Connection, now: datetime) -> bool:
        """Whether the tables hold what was in EVENTS a round ago: old rows would tell of what is long over."""
        source = await self._source()
        reached = await postgres.fetchval(_SQL["position"], source.stream, source.incarnation) or 0
        if self._wanted is None or reached >= self._wanted:
            current, self._wanted = self._wanted is not None, await self._last_sequence()
            self._waits_since = None
            return current or reached >= self._wanted
        self._waits_since = self._waits_since or now
        return now - self._waits_since > PATIENCE

    async def _rules(self, postgres: Connection, now: datetime) -> dict[Key, datetime]:
        """Since when each rule is known; those that were deleted are forgotten."""
        found = {(row["project"], row["name"]): row["since"] for row in await postgres.fetch(_SQL["rules"])}
        for key in self._known.alerts.keys() - found.keys():
            await postgres.execute(_SQL["note_rule"], *key, now)
            found[key] = now
        for key in found.keys() - self._known.alerts.keys():
            await postgres.execute(_SQL["forget_rule"], *key)
        return found

    async def _open(self, postgres: Connection) -> dict[Key, dict[str, Incident]]:
        found: dict[Key, dict[str, Incident]] = {}
        for row in await postgres.fetch(_SQL["open_incidents"]):
            incident = Incident(**{**row, "id": str(row["id"])})
            found.setdefault((incident.project, incident.alert), {})[incident.key] = incident
        return found

    async def _store(self, postgres: Connection, spec: AlertSpec, judged: Judged, now: datetime) -> None:
        if not (judged.opened or judged.going_on or judged.resolved):
            return
        async with postgres.transaction():
            await save(postgres, (*judged.opened, *judged.going_on, *judged.resolved))
            for incident in judged.opened:
                if not incident.muted:
                    await self._tell(postgres, spec, incident, "opened", now)
            for incident in judged.resolved:
                if not (incident.muted or is_muted(spec, now)):
                    await self._tell(postgres, spec, incident, "resolved", now)

    async def _tell(
        self, postgres: Connection, spec: AlertSpec, incident: Incident, phase: str, now: datetime
    ) -> None:
        notice = of_incident(incident, phase, spec.description)
        for name in spec.channels:
            channel: ChannelSpec | None = self._known.channels.get((incident.project, name))
            if channel is None:
                log.warning("alert %s names the channel %s, which is not there", spec.name, name)
            else:
                await enqueue(postgres, channel, notice, derived_id(incident.id, phase, name), now)

    async def _abandon(self, postgres: Connection, left: dict[Key, dict[str, Any]], now: datetime) -> None:
        """Incidents of rules that were deleted end; nobody is told, for nobody asks any more."""
        for (project, name), incidents in left.items():
            if (project, name) not in self._known.alerts and not name.startswith("_"):
                over = [msgspec.structs.replace(one, resolved_at=now) for one in incidents.values()]
                await save(postgres, over)


async def save(postgres: Connection, incidents: Iterable[Incident]) -> None:
    """Writes them as they are now."""
    rows = [
        (
            one.id, one.project, one.alert, one.key, one.severity, one.opened_at, one.last_seen_at, one.resolved_at,
            one.value, one.count, one.detail, one.execution_id, one.muted,
        )
        for one in incidents
    ]  # fmt: skip
    await postgres.executemany(_SQL["save_incident"], rows)
