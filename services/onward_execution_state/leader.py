"""One replica at a time: a lock in Postgres that lasts as long as the connection that took it."""

import contextlib
from datetime import datetime

from onward_execution_state.database import UNREACHABLE, Connection, Database
from onward_execution_state.statements import load

_SQL = load("upkeep.sql")


class Leader:
    """Asks for the lock of one kind of work, and has a connection to do it with while it holds it."""

    def __init__(self, database: Database, work: str) -> None:
        self._database = database
        self._work = work
        self._connection: Connection | None = None
        self._leads = False
        self.since: datetime | None = None

    async def connection(self, now: datetime) -> Connection | None:
        """A durable connection, or None while another replica leads. Raises what UNREACHABLE names."""
        if self._connection is not None and self._connection.is_closed():
            await self.close()
        if self._connection is None:
            self._connection = await self._database.writer(durable=True)
        if not self._leads and await self._connection.fetchval(_SQL["lead"], self._work):
            self._leads, self.since = True, now
        return self._connection if self._leads else None

    async def close(self) -> None:
        """Lets another replica lead."""
        connection, self._connection = self._connection, None
        self._leads, self.since = False, None
        if connection is not None:
            with contextlib.suppress(*UNREACHABLE):
                await connection.close(timeout=1)
