"""The questions `audit` and `audit_verify`."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from onward.contract import audit
from onward.contract.errors import InvalidParameter
from onward_execution_state.database import Database
from onward_execution_state.statements import load

VERIFIED_AT_ONCE = 5000
PAGE_BYTES = 800_000
"""A reply is one message; a page ends before it is larger, and holds one entry at least."""
_SQL = load("audit.sql")
Heads = Callable[[str], Awaitable[audit.Head | None]]


class AuditQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for entries, newest first; those left None mean any."""

    project: str
    source: str | None = None
    actor: str | None = None
    action: str | None = None
    kind: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 50


class VerifyQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks whether the entries of a chain after the `n`-th, whose hash was `hash`, hold together."""

    source: str
    n: int = 0
    hash: str = audit.FIRST


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """How far a chain was found sound; `wrong` names the first entry that is not. `done`: nothing is left."""

    n: int
    hash: str
    done: bool = False
    wrong: int | None = None
    why: str | None = None


class AuditAnswers:
    """Reads the entries; the head of a chain comes from elsewhere than Postgres."""

    def __init__(self, database: Database, head: Heads) -> None:
        self._database, self._head = database, head

    def answers(self) -> dict[str, Callable[[bytes], Awaitable[Any]]]:
        """By name."""
        return {"audit": self.entries, "audit_verify": self.verify}

    async def entries(self, data: bytes) -> dict[str, Any]:
        """One page."""
        asked = msgspec.json.decode(data, type=AuditQuestion)
        at, source, n = _cursor(asked.cursor)
        rows = await self._database.ask(
            _SQL["list"], asked.project, asked.source, asked.actor, asked.action, asked.kind, asked.name,
            asked.since, asked.until, at, source, n, asked.limit + 1,
        )  # fmt: skip
        shown = _within(PAGE_BYTES, rows[: asked.limit])
        items = [_shown(row) for row in shown]
        last = shown[-1] if len(rows) > len(shown) else None
        after = None if last is None else f"{last['at'].isoformat()}~{last['source']}~{last['n']}"
        return {"items": items, "next_cursor": after}

    async def verify(self, data: bytes) -> Verified:
        """Some thousand entries; at the end of the chain, whether it reaches to its head."""
        asked = msgspec.json.decode(data, type=VerifyQuestion)
        rows = await self._database.ask(_SQL["chain"], asked.source, asked.n, VERIFIED_AT_ONCE)
        n, digest = asked.n, asked.hash
        for row in rows:
            if row["n"] != n + 1:
                return Verified(n=n, hash=digest, done=True, wrong=n + 1, why="it is missing")
            linked = audit.link(asked.source, row["n"], digest, _entry(row))
            if linked != row["hash"]:
                return Verified(n=n, hash=digest, done=True, wrong=row["n"], why="it was altered")
            n, digest = row["n"], linked
        if len(rows) == VERIFIED_AT_ONCE:
            return Verified(n=n, hash=digest)
        return await self._to_the_head(asked.source, n, digest)

    async def _to_the_head(self, source: str, n: int, digest: str) -> Verified:
        head = await self._head(source)
        if head is None:
            if n:
                return Verified(
                    n=n, hash=digest, done=True, wrong=n, why="the head that was kept apart is missing"
                )
            return Verified(n=n, hash=digest, done=True)
        if n < head.n:
            return Verified(
                n=n, hash=digest, done=True, wrong=n + 1, why=f"the end is missing, up to {head.n}"
            )
        found = await self._database.ask(_SQL["one_hash"], source, head.n)
        if not found or found[0]["hash"] != head.hash:
            why = "it is sound in itself, and not what was kept apart: the chain was written anew"
            return Verified(n=n, hash=digest, done=True, wrong=head.n, why=why)
        return Verified(n=n, hash=digest, done=True)


def _entry(row: asyncpg.Record) -> audit.Entry:
    return audit.Entry(**{name: row[name] for name in audit.Entry.__struct_fields__})


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    texts = {name: msgspec.Raw(row[name].encode()) if row[name] else None for name in ("before", "after")}
    return {**dict(row), **texts}


def _within(most: int, rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    size = 0
    for place, row in enumerate(rows):
        size += 500 + sum(len(row[name].encode()) for name in ("before", "after", "name") if row[name])
        if size > most and place:
            return rows[:place]
    return rows


def _cursor(text: str | None) -> tuple[datetime | None, str | None, int | None]:
    if text is None:
        return None, None, None
    try:
        at, source, n = text.split("~")
        return datetime.fromisoformat(at), source, int(n)
    except ValueError:
        raise InvalidParameter(
            "cursor: it is none of ours", fix="give back the next_cursor of the page before"
        ) from None
