"""Looks whether log, queue, timers and workers agree about each open execution, and repairs it (PROTOCOL H6).

Nothing is repaired at first sight: two looks lie at least `ack_wait` apart with nothing happening in between, then the
log itself is read. Every repair is counted and written down.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from onward.bus.ports import EventLog
from onward.contract.errors import FenceLost, OnwardError
from onward.process.metrics import Metrics
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.maintenance.repair import Need, Repairer, need_of
from onward_execution_state.statements import load

log = logging.getLogger(__name__)

_SQL = load("upkeep.sql")
_FIRST = "00000000-0000-0000-0000-000000000000"


class ReconcileSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How patiently executions are looked at."""

    ack_wait: timedelta = timedelta(seconds=20)
    """As the consumers of WORK have it: what is silent for less may yet come by itself."""
    page: int = 1000
    """Executions looked at in one round."""


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What one round came to."""

    looked_at: int = 0
    suspected: int = 0
    repaired: int = 0


class _Limited(msgspec.Struct, frozen=True):
    deadlines: dict[str, datetime] = {}


class _Look(msgspec.Struct, frozen=True):
    """When an execution was first seen to lack something, at which version."""

    version: int
    at: datetime


class Reconciler:
    """The loop's work: a page of open executions a round, from the first id to the last and then again.

    A page a round, however many are open: looking has to cost little beside the work itself.
    """

    def __init__(
        self,
        settings: ReconcileSettings,
        *,
        leader: Leader,
        repairer: Repairer,
        events: EventLog,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._leader = leader
        self._repairer = repairer
        self._events = events
        self._after: Any = _FIRST
        self._looks: dict[str, _Look] = {}
        self._lost = metrics.counter("onward_lost_logs_total", "Looks at open executions without a log")
        self._repaired = metrics.counter("onward_repairs_total", "What the reconciler repaired", ["kind"])

    async def run_once(self, now: datetime) -> Reconciled:
        """Looks at one page."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            self._looks.clear()
            return Reconciled()
        before = now - self._settings.ack_wait
        page = await postgres.fetch(_SQL["unmoved"], before, self._after, self._settings.page)
        suspects = await self._suspects(page, now)
        repaired = 0
        for row in suspects:
            if self._confirmed(row, now):
                repaired += await self._look_closer(postgres, row, now)
        self._after = page[-1]["id"] if len(page) == self._settings.page else _FIRST
        return Reconciled(looked_at=len(page), suspected=len(suspects), repaired=repaired)

    async def _suspects(self, page: list[asyncpg.Record], now: datetime) -> list[asyncpg.Record]:
        lacking = await asyncio.gather(*(self._repairer.lacks(_need(row), now) for row in page))
        for row, lacks in zip(page, lacking, strict=True):
            if not lacks:
                self._looks.pop(str(row["id"]), None)
        return [row for row, lacks in zip(page, lacking, strict=True) if lacks]

    def _confirmed(self, row: asyncpg.Record, now: datetime) -> bool:
        look = self._looks.get(str(row["id"]))
        if look is None or look.version != row["version"]:
            self._looks[str(row["id"])] = _Look(row["version"], now)
            return False
        return now - look.at >= self._settings.ack_wait

    async def _look_closer(self, postgres: Connection, row: asyncpg.Record, now: datetime) -> bool:
        """Reads the log, and repairs what it still lacks; whether anything was repaired."""
        try:
            found = await self._events.read(row["project"], str(row["id"]), route=row["route"])
            if found is None:
                self._lost.add()
                log.error("EVENTS holds nothing of the open execution %s", row["id"], extra=_of(row))
                return False
            need = need_of(found.execution)
            if (
                need is None
                or found.execution.n != row["version"]
                or not await self._repairer.lacks(need, now)
            ):
                return False
            repaired = await self._repairer.repair(need, found, now)
        except FenceLost:
            return False
        except OnwardError as error:
            log.error("execution %s cannot be repaired: %s", row["id"], error, extra=_of(row))  # noqa: TRY400
            return False
        self._looks.pop(str(row["id"]), None)
        if repaired is None:
            return False
        kind, detail = repaired
        self._repaired.add(kind=kind)
        log.warning("repaired execution %s: %s: %s", row["id"], kind, detail, extra=_of(row))
        await postgres.execute(_SQL["note_repair"], now, kind, row["project"], row["id"], detail)
        return True


def _of(row: asyncpg.Record) -> dict[str, str]:
    return {"execution_id": str(row["id"])}


def _need(row: asyncpg.Record) -> Need:
    return Need(
        project=row["project"],
        execution_id=str(row["id"]),
        route=row["route"],
        ready=row["ready"],
        worker_id=row["worker_id"],
        due=row["due_at"],
        deadlines={}
        if row["limited"] is None
        else msgspec.json.decode(row["limited"], type=_Limited).deadlines,
    )
