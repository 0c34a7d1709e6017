"""The way to Postgres: a pool for questions, single connections for those who write, and what an error means."""

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

from onward.contract.errors import InvalidParameter, Unavailable

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection, Pool = asyncpg.Connection, asyncpg.Pool

# SQLSTATE classes that lie in the data: another try with the same data ends the same way.
_DATA_CLASSES = ("22", "23", "54")
_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 5.0

UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError,
               asyncpg.InsufficientResourcesError, asyncpg.InterfaceError, asyncpg.TransactionRollbackError,
               asyncpg.InvalidCachedStatementError)  # fmt: skip
"""Postgres is away, leaves, or has changed under our hands: try again with another connection."""


def lies_in_the_data(error: BaseException) -> bool:
    """Whether this batch will always fail, so that one of its events has to be set aside."""
    if isinstance(error, asyncpg.DataError):
        return True
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_DATA_CLASSES)
    return not isinstance(error, (*UNREACHABLE, asyncio.CancelledError))


def why_unreachable(error: BaseException) -> str:
    """The error in one line, for a health check."""
    return f"Postgres does not answer: {type(error).__name__}: {error}".strip()


class Database:
    """One Postgres database; nothing is connected before it is needed."""

    def __init__(self, url: str, *, readers: int = 4, schema: str | None = None) -> None:
        self._url = url
        self._schema = {"search_path": schema} if schema else {}
        self._readers = readers
        self._pool: Pool | None = None

    def beside(self, schema: str) -> "Database":
        """The same database, with names looked up in these schemas first."""
        return Database(self._url, schema=schema)

    async def writer(self, *, durable: bool) -> Connection:
        """A connection of one's own. Not `durable`: a crash of Postgres may take back the last moments' commits.

        They are taken back as a whole and from the end, so what was written and how far it was read still agree.
        """
        return await asyncpg.connect(
            self._url,
            timeout=_CONNECT_SECONDS,
            command_timeout=60,
            server_settings={
                "application_name": "onward execution_state",
                "synchronous_commit": "on" if durable else "off",
                "jit": "off",
                **self._schema,
            },
        )

    async def ask(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of a reading statement. Raises Unavailable where Postgres does not answer."""
        try:
            pool = await self._opened()
            async with pool.acquire(timeout=_CONNECT_SECONDS) as connection:
                return await connection.fetch(statement, *arguments)
        except asyncpg.DataError as error:
            raise InvalidParameter(f"Postgres cannot look for this: {error}") from error
        except asyncpg.QueryCanceledError as error:
            raise Unavailable("the question took Postgres too long", fix="narrow it down") from error
        except UNREACHABLE as error:
            raise Unavailable(why_unreachable(error), retry_after=1.0) from error

    async def ready(self) -> str | None:
        """Why Postgres cannot be asked just now, or None."""
        try:
            await self.ask("select 1")
        except Unavailable as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Ends all reading connections."""
        if self._pool is not None:
            await self._pool.close()

    async def _opened(self) -> Pool:
        if self._pool is None:
            # min_size 0 connects to nothing, so there is no moment at which two callers wait for it.
            self._pool = asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._readers,
                timeout=_CONNECT_SECONDS,
                server_settings={
                    "application_name": "onward execution_state queries",
                    "default_transaction_read_only": "on",
                    # The filters that a question leaves out vanish from its plan only when it is planned for itself.
                    "plan_cache_mode": "force_custom_plan",
                    "statement_timeout": str(int(_STATEMENT_SECONDS * 1000)),
                    "jit": "off",
                    **self._schema,
                },
            )
        return await self._pool
