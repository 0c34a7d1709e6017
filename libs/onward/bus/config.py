"""CONFIG: one subject for each resource, written under its ETag, and a copy that follows it in each process."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable

from onward.bus import fenced
from onward.bus.connection import Connection
from onward.bus.names import check_names
from onward.bus.pages import ask, raw_of
from onward.bus.ports import Raw
from onward.contract import subjects
from onward.contract.errors import FenceLost, Unavailable

log = logging.getLogger("onward.bus")

ACTOR = "Onward-Actor"
"""The header that says who wrote, or deleted."""
LOOK_AGAIN = 3.0
"""Seconds after which the stream itself is read, should an echo have been lost."""

Key = tuple[str, str, str]
Change = Callable[[str, str, str, bytes | None, int], None]
"""Called with project, kind, name, the resource (None: deleted) and its sequence."""


async def put(  # noqa: PLR0917 - what names a resource, in the order of its subject
    connection: Connection,
    project: str,
    kind: str,
    name: str,
    data: bytes,
    expected: int | None,
    *,
    actor: str | None = None,
) -> int:
    """Write a resource; its new sequence. Raises FenceLost where it is not at `expected` (0: it must not exist).

    Without an expectation it is written over whatever is there. Empty data delete it; `actor` is who does all that.
    """
    check_names(project=project, kind=kind, name=name)
    subject = subjects.config(project, kind, name)
    after = 0 if expected is None else expected
    more = () if actor is None else ((ACTOR, actor),)
    while True:
        try:
            return await fenced.put(connection, subjects.CONFIG, subject, data, after, more)
        except FenceLost as lost:
            newest = await fenced.last(connection, subjects.CONFIG, subject)
            deleted = newest is not None and not newest.data
            if newest is None or newest.sequence < lost.floor:
                await asyncio.sleep(0.02)
            elif expected is None or (expected == 0 and deleted and newest.sequence != after):
                after = newest.sequence
            else:
                raise


async def newest(connection: Connection, project: str, kind: str, name: str) -> bytes | None:
    """A resource as the stream has it; None where there is none."""
    found = await fenced.last(connection, subjects.CONFIG, subjects.config(project, kind, name))
    return found.data if found and found.data else None


_TOKEN = re.compile(r"[A-Za-z0-9_=-]+")
"""What can be a name in a subject: nothing else was ever stored, and a server does not answer who asks for it."""


class Mirror:
    """A copy of CONFIG: complete once `start` returns, then a moment behind at most."""

    def __init__(self, connection: Connection) -> None:
        self.ready = False
        self._connection = connection
        self._known: dict[Key, tuple[bytes, int]] = {}
        self._of_kind: dict[tuple[str, str], dict[str, tuple[bytes, int]]] = {}
        self._position = 0
        self._changes: list[Change] = []
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sid = 0

    async def start(self) -> None:
        """Read all there is, and follow it from then on. Raises Unavailable: then it may be tried again."""
        if not self._sid:
            self._sid = self._connection.listen(subjects.echo(subjects.ALL_CONFIG), self._heard)
            self._connection.watchers.append(self._watch)
        await self._connection.flush()
        await self._catch_up()
        self.ready = True
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            self._connection.watchers.remove(self._watch)
            await self._connection.stop(self._sid)

    def get(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """A resource and its sequence; None where there is none, or it was deleted."""
        found = self._known.get((project, kind, name))
        return found if found and found[0] else None

    def items(self, project: str, kind: str) -> dict[str, tuple[bytes, int]]:
        """All resources of a kind, by name."""
        return dict(self._of_kind.get((project, kind), ()))

    async def newest(self, project: str, kind: str, name: str) -> tuple[bytes, int] | None:
        """The same as `get`, asked of the stream: what another process wrote a moment ago is in it."""
        if _TOKEN.fullmatch(name) is None:
            return None
        subject = subjects.config(project, kind, name)
        found = await fenced.last(self._connection, subjects.CONFIG, subject)
        if found is None:
            return None
        self._apply(found)
        return self.get(project, kind, name)

    async def write(  # noqa: PLR0917 - what names a resource, in the order of its subject
        self, project: str, kind: str, name: str, data: bytes, expected: int | None, actor: str
    ) -> int:
        """`put`, after which this copy holds what was written."""
        sequence = await put(self._connection, project, kind, name, data, expected, actor=actor)
        self._apply(Raw(sequence, subjects.config(project, kind, name), data))
        return sequence

    def on_change(self, change: Change) -> None:
        """Call this for each change from now on, in the turn of the loop that hears of it."""
        self._changes.append(change)

    def _heard(self, _subject: bytes, _reply: bytes, headers: bytes, data: bytes) -> None:
        self._apply(raw_of(headers, data))

    def _watch(self, connected: bool) -> None:  # noqa: FBT001 - as the connection tells it
        if connected:
            self._look.set()

    def _apply(self, raw: Raw) -> None:
        _, _, project, kind, name = raw.subject.split(".")
        key = (project, kind, name)
        if raw.sequence <= self._known.get(key, (b"", 0))[1]:
            return
        self._known[key] = (raw.data, raw.sequence)
        alike = self._of_kind.setdefault((project, kind), {})
        if raw.data:
            alike[name] = self._known[key]
        else:
            alike.pop(name, None)
        for change in self._changes:
            try:
                change(project, kind, name, raw.data or None, raw.sequence)
            except Exception:
                log.exception("a change of %s could not be handled", raw.subject)

    async def _catch_up(self) -> None:
        more = True
        while more:
            page = await ask(self._connection, subjects.CONFIG, None, self._position).page()
            for raw in page.raws:
                self._apply(raw)
                self._position = raw.sequence
            more = page.more

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._look.wait()
            self._look.clear()
            try:
                await self._catch_up()
            except Unavailable as error:
                log.info("CONFIG cannot be read just now: %s", error)


async def keep(
    connection: Connection, project: str, kind: str, name: str, data: bytes, *, replace: bool = True
) -> None:
    """See to it that a resource is there: written where it is missing or, with `replace`, different."""
    newest = await fenced.last(connection, subjects.CONFIG, subjects.config(project, kind, name))
    if newest is None or not newest.data or (replace and newest.data != data):
        with contextlib.suppress(FenceLost):  # somebody else keeps it at the same time
            await put(connection, project, kind, name, data, newest.sequence if newest else 0)
