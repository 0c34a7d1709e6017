"""Brings open questions to mind again, as often as who asked has said."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import asyncpg
import msgspec

from onward.bus.ports import EventLog
from onward.contract import commands
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost
from onward.contract.log import Decision
from onward.process.metrics import Metrics
from onward_execution_state.leader import Leader
from onward_execution_state.statements import load

log = logging.getLogger(__name__)

_SQL = load("upkeep.sql")


class RemindSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How many at once."""

    page: int = 500
    """Questions looked at in one round; more have to wait for the next."""


class Reminded(msgspec.Struct, frozen=True, kw_only=True):
    """What one round came to."""

    due: int = 0
    reminded: int = 0


class Reminder:
    """The loop's work: the questions whose next reminder is due, the one that is due longest first.

    However long it was away, a question is brought to mind once, and then again after its time.
    """

    def __init__(
        self,
        settings: RemindSettings,
        *,
        leader: Leader,
        events: EventLog,
        new_id: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        self._settings, self._leader, self._events, self._new_id = settings, leader, events, new_id
        self._count = metrics.counter("onward_questions_reminded_total", "Reminders of open questions")

    async def run_once(self, now: datetime) -> Reminded:
        """Reminds of one page."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return Reminded()
        due = await postgres.fetch(_SQL["to_remind_of"], now, self._settings.page)
        reminded = sum(await asyncio.gather(*(self._remind(row, now) for row in due)))
        self._count.add(reminded)
        return Reminded(due=len(due), reminded=reminded)

    async def _remind(self, row: asyncpg.Record, now: datetime) -> bool:
        found = await self._events.read(row["project"], str(row["execution_id"]))
        wait = None if found is None else found.execution.waits.get(row["question_id"])
        if found is None or wait is None or wait.n != row["n"] or wait.reminded != row["reminded"]:
            return False  # the row will soon say so too
        moment = Moment(now=now, new_id=self._new_id, actor="reminder")
        events = commands.remind(found.execution, moment, row["question_id"])
        if not events:
            return False
        try:
            await self._events.append(
                Decision(
                    project=row["project"],
                    execution_id=found.execution.id,
                    expected=found.sequence,
                    events=events,
                )
            )
        except FenceLost:
            return False  # something happened to it: the next round looks again
        return True
