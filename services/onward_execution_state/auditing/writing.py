"""Writes the audit: what CONFIG, EVENTS and the refusals say, as entries of three chains, once each."""

import logging
from datetime import datetime

import msgspec

from onward.bus import audit as kept
from onward.bus.connection import Connection as Nats
from onward.contract import audit, subjects
from onward.contract.errors import Unavailable
from onward.process.metrics import Metrics
from onward_execution_state.database import Connection
from onward_execution_state.leader import Leader
from onward_execution_state.life import StreamLife
from onward_execution_state.statements import load
from onward_execution_state.store import position

log = logging.getLogger(__name__)

_PAGE = 1000
_SQL = load("audit.sql")


class Read(msgspec.Struct, frozen=True):
    """What a source told, and how far it was read for that."""

    entries: list[audit.Entry]
    sequence: int


class Auditor:
    """The loop's work. CONFIG is read from its beginning after each start: a change needs what was before it."""

    def __init__(self, leader: Leader, nats: Nats, life: StreamLife, metrics: Metrics) -> None:
        self._leader, self._nats, self._life = leader, nats, life
        self._before: dict[tuple[str, str, str], bytes] = {}
        self._config_at = 0
        self.trouble: dict[str, str] = {}
        """What does not agree with the head that was kept, by chain."""
        self._count = metrics.counter("onward_audit_entries_total", "Entries of the audit", ("source",))

    async def run_once(self, now: datetime) -> int:
        """Writes what is new; how many entries that were."""
        postgres = await self._leader.connection(now)
        if postgres is None:
            return 0
        try:
            return sum([await self._follow(postgres, source, now) for source in audit.SOURCES])
        except BaseException:
            # What was read and not written has to be read again.
            self._before, self._config_at = {}, 0
            raise

    async def _follow(self, postgres: Connection, source: str, now: datetime) -> int:
        written = 0
        while True:
            at, _, _ = await _position(postgres, source)
            read = await self._read(postgres, source, at, now)
            if read.sequence <= at:
                return written
            written += await self._write(postgres, source, at, read)

    async def _read(self, postgres: Connection, source: str, at: int, now: datetime) -> Read:
        if source == "execution":
            return await self._commands(postgres, at, now)
        if source == "refusal":
            return await self._refusals(at)
        return await self._changes(at)

    async def _changes(self, at: int) -> Read:
        entries: list[audit.Entry] = []
        while not entries:
            found = await kept.messages(self._nats, subjects.CONFIG, self._config_at)
            for message in found:
                _, _, project, kind, name = message.subject.split(".")
                before = self._before.get((project, kind, name), b"")
                self._config_at = message.sequence
                self._before[project, kind, name] = message.data
                if message.sequence > at and kind not in audit.NOT_AUDITED and before != message.data:
                    entries.append(
                        audit.changed(
                            sequence=message.sequence,
                            at=message.at,
                            actor=message.actor,
                            where=(project, kind, name),
                            before=before,
                            after=message.data,
                        )
                    )
            if not found:
                break
        return Read(entries, max(at, self._config_at) if entries else at)

    async def _refusals(self, at: int) -> Read:
        found = await kept.messages(self._nats, subjects.AUDIT, at)
        entries = []
        for message in found:
            try:
                told = msgspec.json.decode(message.data, type=audit.Refusal)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                log.warning("a refusal cannot be read: sequence %d", message.sequence)
                continue
            entries.append(audit.refused(message.sequence, told))
        return Read(entries, found[-1].sequence if found else at)

    async def _commands(self, postgres: Connection, at: int, now: datetime) -> Read:
        until = await position(postgres, await self._life(), now)
        rows = await postgres.fetch(_SQL["commands"], at, until, _PAGE)
        told = [audit.commanded(row["sequence"], row["type"], bytes(row["body"])) for row in rows]
        entries = [entry for entry in told if entry is not None]
        reached = rows[-1]["sequence"] if len(rows) == _PAGE else until
        return Read(entries, reached)

    async def _write(self, postgres: Connection, source: str, at: int, read: Read) -> int:
        honest = await self._agrees(postgres, source)
        async with postgres.transaction():
            _, n, digest = await _position(postgres, source)
            rows = []
            for entry in read.entries:
                n, digest = n + 1, audit.link(source, n + 1, digest, entry)
                rows.append((source, n, *msgspec.structs.astuple(entry), digest))
            if await postgres.fetchval(_SQL["move"], source, at, n, digest, read.sequence) is None:
                raise Unavailable("another replica writes the audit")
            await postgres.executemany(_SQL["add"], rows)
        self._count.add(len(rows), source=source)
        if rows and honest:
            await kept.keep_head(self._nats, source, audit.Head(n=n, hash=digest))
        return len(rows)

    async def _agrees(self, postgres: Connection, source: str) -> bool:
        """Whether the entries reach to the head that was kept: one that they do not know is never replaced."""
        head = await kept.head(self._nats, source)
        if head is None or await postgres.fetchval(_SQL["one_hash"], source, head.n) == head.hash:
            self.trouble.pop(source, None)
            return True
        if source not in self.trouble:
            log.error(
                "the audit of %s does not reach to its head %d: see `onward audit verify`", source, head.n
            )
        self.trouble[source] = f"entry {head.n} is missing or altered"
        return False


async def _position(postgres: Connection, source: str) -> tuple[int, int, str]:
    """How far a source is read, and the last entry that came of it."""
    await postgres.execute(_SQL["begin"], source, audit.FIRST)
    (row,) = await postgres.fetch(_SQL["position"], source)
    return row["sequence"], row["n"], row["hash"]
