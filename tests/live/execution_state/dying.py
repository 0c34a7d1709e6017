"""A Postgres whose connection ends at one chosen statement: before that takes effect, or right after it did."""

import asyncpg

from onward_execution_state.database import Database


class DyingDatabase(Database):
    """Counts what is asked of its writers; the `at`-th of that is the last, once."""

    def __init__(self, url: str, *, at: int, after: bool) -> None:
        super().__init__(url)
        self.at, self.after = at, after
        self.asked = 0
        self.died = False

    async def writer(self, *, durable):
        return DyingConnection(self, await super().writer(durable=durable))

    async def count(self, connection, act):
        """Does it, and dies before or after it where its turn has come."""
        self.asked += 1
        last = self.asked == self.at
        if last and not self.after:
            act.close()
            self._die(connection)
        found = await act
        if last:
            self._die(connection)
        return found

    def _die(self, connection):
        self.died = True
        connection.terminate()
        raise asyncpg.ConnectionDoesNotExistError("the connection was cut")


class DyingConnection:
    """What a writer asks of its connection."""

    def __init__(self, database, connection):
        self._database, self._connection = database, connection

    def __getattr__(self, name):
        act = getattr(self._connection, name)
        if name not in {"execute", "executemany", "fetch", "fetchrow", "fetchval"}:
            return act

        async def counted(*given, **more):
            return await self._database.count(self._connection, act(*given, **more))

        return counted

    def transaction(self):
        return DyingTransaction(self._database, self._connection)


class DyingTransaction:
    """Its begin and its commit are statements, too."""

    def __init__(self, database, connection):
        self._database, self._connection = database, connection
        self._transaction = connection.transaction()

    async def __aenter__(self):
        await self._database.count(self._connection, self._transaction.start())

    async def __aexit__(self, kind, _error, _trace):
        if kind is None:
            await self._database.count(self._connection, self._transaction.commit())
        elif not self._connection.is_closed():
            await self._transaction.rollback()
