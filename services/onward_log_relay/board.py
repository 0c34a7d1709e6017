"""The board: a snapshot of the executions of a project from execution_state, and the events that go on from there."""

import msgspec

from onward.bus.ports import Messages
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.contract.submission import PAGE
from onward.contract.watching import Where, fits
from onward_log_relay.folding import SMALL_BYTES

OPEN, ENDED = ("pending", "running"), ("completed", "failed", "cancelled")
_SECONDS = 5.0
_MOST_PAGES = 100
_SINGLE = {
    "task": "task", "queue": "queue", "environment": "environment", "agent_id": "agent_id", "team": "team",
    "parent": "parent",
}  # fmt: skip
_encode = msgspec.json.Encoder().encode


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Of an execution in a list, what filters look at."""

    id: str
    status: str
    task: str
    queue: str
    environment: str | None
    agent_id: str | None
    team_id: str | None
    parent_id: str | None
    labels: dict[str, str]
    version: int


class _AsOf(msgspec.Struct, frozen=True):
    position: int


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    next_cursor: str | None
    as_of: _AsOf


class Snapshot(msgspec.Struct, kw_only=True):
    """Cards, newest first, the version of each, and the position from which events go on."""

    position: int
    cards: list[bytes]
    versions: dict[str, int]
    complete: bool
    """Whether there are no more than these."""


class BoardSnapshots:
    """Asks execution_state for what a board begins with."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def take(self, project: str, where: Where, most_open: int, most_ended: int) -> Snapshot:
        """The open executions, then the ended ones, newest first each. Raises Unavailable."""
        found = Snapshot(position=-1, cards=[], versions={}, complete=True)
        for statuses, most in ((OPEN, most_open), (ENDED, most_ended)):
            wanted = [status for status in statuses if not where.status or status in where.status]
            if wanted:
                await self._add(found, project, where, wanted, most)
        return found

    async def _add(self, found: Snapshot, project: str, where: Where, statuses: list[str], most: int) -> None:
        cursor, left = None, most
        for _ in range(_MOST_PAGES):
            page = await self._page(project, where, statuses, cursor, min(left, PAGE) or 1)
            if found.position < 0:
                found.position = page.as_of.position
            for item in page.items:
                shown = msgspec.json.decode(item, type=Shown)
                if left and fits(where, shown):
                    found.cards.append(_light(item))
                    found.versions[shown.id] = shown.version
                    left -= 1
            cursor = page.next_cursor
            if cursor is None:
                return
            if not left:
                break
        found.complete = False

    async def _page(
        self, project: str, where: Where, statuses: list[str], cursor: str | None, limit: int
    ) -> _Page:
        question = {"project": project, "status": statuses, "label": where.label, "limit": limit}
        for name, member in _SINGLE.items():
            if len(values := getattr(where, name)) == 1:
                question[member] = values[0]
        if cursor is not None:
            question["cursor"] = cursor
        reply = await self._messages.ask(
            subjects.ask("state", "list"), msgspec.json.encode(question), timeout=_SECONDS
        )
        if reply is None:
            raise Unavailable("execution_state does not answer", fix="see `onward doctor`", retry_after=2)
        try:
            return msgspec.json.decode(reply, type=_Page)
        except msgspec.ValidationError:
            raise Unavailable("execution_state cannot list executions just now", retry_after=2) from None


def _light(item: msgspec.Raw) -> bytes:
    if len(memoryview(item)) <= SMALL_BYTES and b'"stack":"' not in bytes(item):
        return bytes(item)
    card = msgspec.json.decode(item)
    if card.get("error"):
        card["error"]["stack"] = None
    for name in ("input", "output"):
        if len(_encode(card.get(name))) > SMALL_BYTES:
            card[name] = None
    return _encode(card)
