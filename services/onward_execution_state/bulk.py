"""Operations on many executions, kept in Postgres: what the gateway asks while it begins, shows and carries out one."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from onward.contract.bulk import MOST, PATH, BulkCommand, BulkItem, BulkPreview, BulkView
from onward.contract.errors import InvalidBody, InvalidParameter, NotFound, Unavailable
from onward_execution_state.database import UNREACHABLE, Connection, Database, why_unreachable
from onward_execution_state.listing import ListQuestion, asked_of, uuid_of
from onward_execution_state.rows import plain
from onward_execution_state.statements import load

AT_ONCE = 250
"""Items that a gateway takes in one go."""
LEASE = timedelta(seconds=10)
"""How long an operation waits for a gateway that took it and was lost."""
KEPT = timedelta(days=30)
_SQL = load("bulk.sql")
_MATCHING = "select id from ({}) as matching order by created_at, id"


class Begin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks to begin an operation, or only what it would find."""

    id: str
    command: BulkCommand
    filter: dict[str, Any]
    """What is asked of the list."""
    actor: str | None = None


class Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for one operation, its items, or a page of operations."""

    project: str
    id: str | None = None
    outcome: str | None = None
    cursor: str | None = None
    limit: int = 50


class Take(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gateway asks for work."""

    runner: str


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A gateway tells what became of items: place, outcome, detail."""

    id: str
    items: tuple[tuple[int, str, str | None], ...]


class BulkAnswers:
    """The questions that begin with `bulk_`; `caught_up` waits for the projection."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], caught_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._database = database
        self._clock = clock
        self._caught_up = caught_up
        self._writer: Connection | None = None
        self._alone = asyncio.Lock()

    def all(self) -> dict[str, Callable[[bytes], Awaitable[Any]]]:
        """Each by its name."""
        return {
            "bulk_preview": self.preview, "bulk_begin": self.begin, "bulk_get": self.get, "bulk_list": self.newest,
            "bulk_items": self.items, "bulk_abort": self.abort, "bulk_take": self.take, "bulk_report": self.report,
        }  # fmt: skip

    async def preview(self, data: bytes) -> BulkPreview:
        """How many it would find."""
        asked = msgspec.json.decode(data, type=Begin)
        found = await self._matching(asked)
        return BulkPreview(action=asked.command.action, matched=len(found))

    async def begin(self, data: bytes) -> BulkView:
        """The operation, with all that the filter finds now; begun before, it is as it was."""
        asked, now = msgspec.json.decode(data, type=Begin), self._clock()
        project = asked.filter["project"]
        found = await self._matching(asked)
        if len(found) > MOST:
            raise InvalidBody(
                f"/filter: it finds more than {MOST} executions",
                fix="narrow it down, for example by since and until",
            )

        async def write(connection: Connection) -> None:
            await connection.execute(_SQL["forget_old"], now - KEPT)
            command = msgspec.json.encode(asked.command)
            new = await connection.fetchval(
                _SQL["begin"], asked.id, project, command, plain(asked.actor), len(found), now
            )
            if new is not None:
                await connection.execute(_SQL["add_items"], asked.id, found)
                await connection.execute(_SQL["end_empty"], asked.id, now)

        await self._write(write)
        return await self._one(project, asked.id)

    async def get(self, data: bytes) -> BulkView:
        """One operation."""
        asked = msgspec.json.decode(data, type=Which)
        return await self._one(asked.project, asked.id or "")

    async def newest(self, data: bytes) -> dict[str, Any]:
        """A page of operations."""
        asked = msgspec.json.decode(data, type=Which)
        at, last = _place(asked.cursor)
        rows = await self._database.ask(_SQL["newest"], asked.project, at, last, asked.limit + 1)
        shown = [_view(row) for row in rows[: asked.limit]]
        more = len(rows) > asked.limit
        return {"items": shown, "next_cursor": _cursor(shown[-1]) if more else None}

    async def items(self, data: bytes) -> dict[str, Any]:
        """A page of what became of each execution."""
        asked = msgspec.json.decode(data, type=Which)
        await self._one(asked.project, asked.id or "")
        after = _number(asked.cursor)
        rows = await self._database.ask(_SQL["items"], asked.id, after, asked.outcome, asked.limit + 1)
        shown = [
            BulkItem(
                execution_id=str(row["execution_id"]), outcome=row["outcome"], detail=row["detail"], at=row["at"]
            )
            for row in rows[: asked.limit]
        ]  # fmt: skip
        more = len(rows) > asked.limit
        return {"items": shown, "next_cursor": str(rows[asked.limit - 1]["place"]) if more else None}

    async def abort(self, data: bytes) -> BulkView:
        """No further item is begun; one that has ended stays as it is."""
        asked = msgspec.json.decode(data, type=Which)
        await self._one(asked.project, asked.id or "")

        async def write(connection: Connection) -> None:
            await connection.execute(_SQL["abort"], asked.project, asked.id)

        await self._write(write)
        return await self._one(asked.project, asked.id or "")

    async def take(self, data: bytes) -> dict[str, Any] | None:
        """The next items of one operation for one gateway; None where there is nothing to do."""
        asked, now = msgspec.json.decode(data, type=Take), self._clock()

        async def write(connection: Connection) -> dict[str, Any] | None:
            row = await connection.fetchrow(_SQL["take"], asked.runner, now, now + LEASE)
            if row is None:
                return None
            items = []
            if row["status"] == "running":
                items = await connection.fetch(_SQL["to_do"], row["id"], AT_ONCE)
            if not items:
                await connection.execute(_SQL["end"], row["id"], now)
            return {
                "id": str(row["id"]), "project": row["project"], "command": msgspec.Raw(row["command"]),
                "actor": row["actor"], "items": [(item["place"], str(item["execution_id"])) for item in items],
            }  # fmt: skip

        taken: dict[str, Any] | None = await self._write(write)
        return taken

    async def report(self, data: bytes) -> bool:
        """Notes outcomes."""
        asked, now = msgspec.json.decode(data, type=Report), self._clock()
        columns = [list(column) for column in zip(*asked.items, strict=True)] or [[], [], []]
        columns[2] = [plain(detail) for detail in columns[2]]

        async def write(connection: Connection) -> None:
            await connection.execute(_SQL["report"], asked.id, *columns, now)
            await connection.execute(_SQL["end"], asked.id, now)

        await self._write(write)
        return True

    async def close(self) -> None:
        """Ends the connection that writes."""
        if self._writer is not None:
            await self._writer.close()

    async def _matching(self, asked: Begin) -> list[Any]:
        """Their ids, the oldest first; what was accepted before this was asked counts."""
        await self._caught_up()
        question = msgspec.convert(asked.filter, ListQuestion)
        given = await asked_of(self._database, question, rows=MOST + 1)
        rows = await self._database.ask(_MATCHING.format(given.statement), *given.arguments)
        return [row["id"] for row in rows]

    async def _one(self, project: str, operation_id: str) -> BulkView:
        found = await self._database.ask(_SQL["one"], project, uuid_of("operation", operation_id))
        if not found:
            raise NotFound(f"there is no bulk operation {operation_id}")
        return _view(found[0])

    async def _write(self, write: Callable[[Connection], Awaitable[Any]]) -> Any:
        try:
            async with self._alone:
                if self._writer is None or self._writer.is_closed():
                    self._writer = await self._database.writer(durable=True)
                async with self._writer.transaction():
                    return await write(self._writer)
        except UNREACHABLE as error:
            raise Unavailable(why_unreachable(error), retry_after=1.0) from error


def _view(row: asyncpg.Record) -> BulkView:
    command = msgspec.json.decode(row["command"], type=BulkCommand)
    here = f"{PATH}/{row['id']}"
    same = {
        name: row[name] for name in ("status", "total", "done", "skipped", "failed", "created_at", "completed_at")
    }  # fmt: skip
    return BulkView(
        **same, id=str(row["id"]), action=command.action, filter=command.filter, reason=command.reason,
        submitted_by=row["actor"], links={"self": here, "items": f"{here}/items"},
    )  # fmt: skip


def _cursor(last: BulkView) -> str:
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode()


def _place(cursor: str | None) -> tuple[datetime | None, Any]:
    if cursor is None:
        return None, None
    try:
        text, _, last = base64.urlsafe_b64decode(cursor).decode().partition(" ")
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
        return at.astimezone(UTC), uuid_of("cursor", last)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidParameter("the cursor is not one of ours", fix="use next_cursor as it is") from None


def _number(cursor: str | None) -> int:
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise InvalidParameter("the cursor is not one of ours", fix="use next_cursor as it is")
    return int(cursor or 0)
