"""Writes the logs of open executions anew at the end of EVENTS, so that their older events may go (PROTOCOL T2)."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from datetime import datetime

import asyncpg

from onward.bus.ports import EventLog
from onward.contract import events as ev
from onward.contract.carry import carry
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost, OnwardError
from onward.contract.execution import Execution
from onward.contract.log import Decision
from onward_execution_state import rows
from onward_execution_state.database import Connection
from onward_execution_state.statements import load

log = logging.getLogger(__name__)

TRIES = 20
_SQL = load("upkeep.sql")


class Carrier:
    """Carries from what Postgres holds, which is all there is of a log whose beginning was purged already."""

    def __init__(self, events: EventLog, new_id: Callable[[], str], *, at_once: int) -> None:
        self.at_once = at_once
        self._events = events
        self._new_id = new_id

    async def carry(self, postgres: Connection, last: int, now: datetime) -> list[int] | None:
        """The sequences of what was written for logs that begin at or before `last`; None: one could not be."""
        moment = Moment(now=now, new_id=self._new_id, actor="retention")
        written = []
        for row in await postgres.fetch(_SQL["to_carry"], last, self.at_once):
            state = rows.state_of(row["state"])
            try:
                written.append(await self._write(postgres, row, state, moment))
            except OnwardError as error:
                named = {"execution_id": state.id}
                log.error("%s cannot be carried, so nothing is purged: %s", state.id, error, extra=named)  # noqa: TRY400
                return None
        return written

    async def _write(
        self, postgres: Connection, row: asyncpg.Record, state: Execution, moment: Moment
    ) -> int:
        told = [ev.decode(found["body"]) for found in await postgres.fetch(_SQL["checkpoints"], row["id"])]
        try:
            return await self._append(state, told, row["sequence"], moment)
        except FenceLost:
            return await self._write_busy(state, moment)

    async def _write_busy(self, row: Execution, moment: Moment) -> int:
        """Of an execution that moves on faster than its row, the log itself is carried."""
        for tried in range(TRIES):
            await asyncio.sleep(random.uniform(0, 0.002 * tried))
            found = await self._events.read(row.project, row.id, route=row.route)
            if found is None or found.execution.ended:
                return found.sequence if found else 0
            try:
                told = [stored.event for stored in found.stored]
                return await self._append(found.execution, told, found.sequence, moment)
            except FenceLost:
                continue
        raise FenceLost(f"{TRIES} appends to it were overtaken by others")

    async def _append(
        self, state: Execution, told: Iterable[ev.AnyEvent], expected: int, moment: Moment
    ) -> int:
        decision = Decision(
            project=state.project,
            execution_id=state.id,
            expected=expected,
            events=carry(state, told, moment),
        )
        return await self._events.append(decision)
