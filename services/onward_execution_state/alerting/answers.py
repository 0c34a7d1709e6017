"""What the gateway asks about incidents and deliveries, and what it has done to them."""

import base64
import binascii
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from onward.contract.alerts import ALERT
from onward.contract.errors import InvalidParameter, NotFound, Unavailable
from onward.contract.incidents import Incident
from onward.contract.notices import of_test
from onward.process.fresh import new_id
from onward.process.loop import utc_now
from onward_execution_state.alerting.evaluating import save
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.queueing import enqueue
from onward_execution_state.database import UNREACHABLE, Connection, Database, why_unreachable
from onward_execution_state.statements import load

_SQL = load("deliveries.sql")
_ALERTS = load("alerts.sql")
Answer = Callable[[bytes], Awaitable[Any]]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for a page of incidents, or of deliveries."""

    project: str
    of: str | None = None
    """The alert, or the channel."""
    status: str | None = None
    open: bool = False
    cursor: str | None = None
    limit: int = 50


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for one thing, by name or id."""

    project: str
    name: str


class AlertAnswers:
    """Reads through the pool; writes through a connection of its own, for a moment."""

    def __init__(self, database: Database, known: KnownAlerts, poke: Callable[[], None]) -> None:
        self._database, self._known, self._poke = database, known, poke

    def all(self) -> dict[str, Answer]:
        """The questions by name."""
        return {
            "incidents": self._incidents,
            "deliveries": self._deliveries,
            "delivery": self._delivery,
            "channels": self._channels,
            "redeliver": self._redeliver,
            "test_alert": self._test_alert,
            "enable_channel": self._enable,
        }

    async def _incidents(self, data: bytes) -> dict[str, Any]:
        asked = msgspec.json.decode(data, type=Listed)
        at, last = _place(asked.cursor)
        rows = await self._database.ask(
            _SQL["list_incidents"], asked.project, asked.of, asked.open, at, last, asked.limit + 1
        )
        return _page(rows, asked.limit, "opened_at")

    async def _deliveries(self, data: bytes) -> dict[str, Any]:
        asked = msgspec.json.decode(data, type=Listed)
        at, last = _place(asked.cursor)
        rows = await self._database.ask(
            _SQL["list_deliveries"], asked.project, asked.of, asked.status, at, last, asked.limit + 1
        )
        return _page(rows, asked.limit, "created_at")

    async def _delivery(self, data: bytes) -> dict[str, Any]:
        asked = msgspec.json.decode(data, type=Named)
        found = await self._database.ask(_SQL["delivery"], asked.project, _id(asked.name))
        if not found:
            raise NotFound(f"there is no delivery {asked.name[:80]}")
        tries = await self._database.ask(_SQL["tries_of"], _id(asked.name))
        return {**found[0], "body": found[0]["body"].decode(), "log": [dict(row) for row in tries]}

    async def _channels(self, data: bytes) -> list[dict[str, Any]]:
        asked = msgspec.json.decode(data, type=Named)
        return [dict(row) for row in await self._database.ask(_SQL["healths"], asked.project)]

    async def _redeliver(self, data: bytes) -> dict[str, Any]:
        asked, now = msgspec.json.decode(data, type=Named), utc_now()
        done = await self._write(
            lambda postgres: postgres.fetchval(_SQL["again"], _id(asked.name), asked.project, now)
        )
        if done is None:
            raise NotFound(f"there is no delivery {asked.name[:80]}")
        self._poke()
        return await self._delivery(data)

    async def _test_alert(self, data: bytes) -> dict[str, Any]:
        """Queues a test for the channels of an alert, or for one channel; their deliveries."""
        asked, now = msgspec.json.decode(data, type=Named), utc_now()
        kind, _, name = asked.name.partition("/")
        names: tuple[str, ...] = (name,)
        if kind == ALERT:
            rule = self._known.alerts.get((asked.project, name))
            if rule is None:
                raise NotFound(f"there is no alert {name[:80]}")
            names = rule.channels
        channels = [self._known.channels.get((asked.project, one)) for one in names]
        if None in channels:
            raise NotFound(f"there is no channel {', '.join(names)}"[:200])
        made = {one: new_id() for one in names}

        async def queue(postgres: Connection) -> None:
            for channel in channels:
                if channel is not None:
                    notice = of_test(asked.project, name, now)
                    await enqueue(postgres, channel, notice, made[channel.name], now)

        await self._write(queue)
        self._poke()
        return {"deliveries": [{"id": made[one], "channel": one} for one in names]}

    async def _enable(self, data: bytes) -> dict[str, Any]:
        """Opens a disabled channel again; its incident is over."""
        asked, now = msgspec.json.decode(data, type=Named), utc_now()

        async def enable(postgres: Connection) -> None:
            async with postgres.transaction():
                await postgres.execute(_SQL["save_health"], asked.project, asked.name, None, None, None)
                for row in await postgres.fetch(_ALERTS["open_incidents"]):
                    if (row["project"], row["alert"], row["key"]) == (asked.project, "_channels", asked.name):
                        found = Incident(**{**row, "id": str(row["id"])})
                        await save(postgres, [msgspec.structs.replace(found, resolved_at=now)])

        await self._write(enable)
        return {"name": asked.name}

    async def _write(self, work: Callable[[Connection], Awaitable[Any]]) -> Any:
        try:
            postgres = await self._database.writer(durable=True)
            try:
                return await work(postgres)
            finally:
                await postgres.close(timeout=1)
        except UNREACHABLE as error:
            raise Unavailable(why_unreachable(error), retry_after=1.0) from error


def _page(rows: list[Any], limit: int, by: str) -> dict[str, Any]:
    items = [dict(row) for row in rows[:limit]]
    more = len(rows) > limit
    return {"items": items, "next_cursor": _cursor(items[-1][by], items[-1]["id"]) if more else None}


def _cursor(at: datetime, last: str) -> str:
    return base64.urlsafe_b64encode(f"{at.astimezone(UTC).isoformat()} {last}".encode()).decode()


def _place(cursor: str | None) -> tuple[datetime | None, uuid.UUID | None]:
    if cursor is None:
        return None, None
    try:
        at, _, last = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return datetime.fromisoformat(at), uuid.UUID(last)
    except (ValueError, binascii.Error):
        raise InvalidParameter("cursor: this is none of ours", fix="begin again without it") from None


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound(f"there is no delivery {text[:80]!r}") from None
