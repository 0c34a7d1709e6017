"""One client's place in one log: what it gets next, whether from the store or from what is live."""

import asyncio
from collections import deque
from typing import Protocol

import msgspec

from onward.contract import lines as li
from onward_log_relay.history import History, Piece, indexed
from onward_log_relay.selection import Picked, Selection

_LAG_SECONDS, _LAG_TRIES = 0.05, 10
_DULL = 4  # chunks without a hit, after which the next one is looked up instead


class Live(Protocol):
    """What is live of one execution, shared by everybody who watches it."""

    changed: asyncio.Event
    """Set when there is more to see; then another event takes its place."""
    ends_at: int | None
    """The sequence of the log's last chunk, once the execution has ended and that is known."""

    @property
    def floor(self) -> int | None:
        """The sequence from which on `piece` has everything; None while it has nothing yet."""
        ...

    def piece(self, after: int) -> Piece | None:
        """The first chunk above a sequence that is not below the floor."""
        ...


class End(msgspec.Struct, frozen=True):
    """There are no more lines: the execution has ended, or nobody asked to follow."""

    last_line: int


class Reader:
    """Gives each line of a selection once, in order, from behind line `after`; without `live` only what is stored."""

    def __init__(
        self, history: History, selection: Selection, after: int = 0, live: Live | None = None
    ) -> None:
        self._history, self._selection, self._live = history, selection, live
        self.line = after
        """The client has everything up to this line."""
        self._sequence = 0
        self._ahead: deque[Piece] = deque()
        self._placed = after == 0
        self._last: li.Head | None = None
        self._dull = self._lagging = 0
        self._jumped = False

    async def next(self, idle: float | None = None) -> Picked | End | None:
        """The next lines; the end; or None where nothing happened for `idle` seconds. Raises Unavailable."""
        if not self._placed:
            await self._place()
        while True:
            changed = None if self._live is None else self._live.changed
            piece = await self._piece()
            if piece is not None:
                picked = self._read(piece)
                if picked is not None and picked.count:
                    return picked
            elif changed is None or self._is_over():
                return End(self.line)
            elif not await _set(changed, idle):
                return None

    def _is_over(self) -> bool:
        ends_at = None if self._live is None else self._live.ends_at
        return ends_at is not None and self._sequence >= ends_at

    async def _place(self) -> None:
        newest = await self._history.newest()
        if newest is not None:
            self._sequence = await self._history.find_line(self.line + 1, newest)
        self._placed = True

    async def _piece(self) -> Piece | None:
        if self._dull >= _DULL and self._last is not None and indexed(self._last):
            await self._jump(self._last)
        while not self._ahead:
            live = self._live
            if live is not None and live.floor is not None and self._sequence >= live.floor:
                return live.piece(self._sequence)
            self._ahead.extend(await self._history.after(self._sequence))
            if not self._ahead and not await self._lags():
                return None
        return self._ahead.popleft()

    async def _lags(self) -> bool:
        """Whether the store must hold more than it gives: a replica lags, or retention was faster than this reader."""
        floor = None if self._live is None else self._live.floor
        if floor is None or self._sequence >= floor:
            return False
        await asyncio.sleep(_LAG_SECONDS)
        self._lagging += 1
        if self._lagging >= _LAG_TRIES:
            self._sequence, self._lagging = floor, 0
        return True

    async def _jump(self, here: li.Head) -> None:
        """Go on at the next chunk that has a line of the wanted levels, without reading those before it."""
        self._dull = 0
        levels, newest = self._selection.levels, await self._history.newest()
        if levels is None or newest is None or newest.head is None or newest.sequence <= self._sequence:
            return
        seen = li.count_of(here.totals, levels)
        self._ahead.clear()
        if li.count_of(newest.head.totals, levels) > seen:
            self._sequence = await self._history.find_level(levels, seen + 1, newest, self._sequence)
            self._jumped = True
        else:
            self._sequence, self.line = newest.sequence, newest.head.last

    def _read(self, piece: Piece) -> Picked | None:
        head = piece.head
        if head is None or not head.count or head.last <= self.line:
            self._sequence = max(self._sequence, piece.sequence)
            return None
        if self._jumped:
            self.line, self._jumped = max(self.line, head.first - 1), False
        if head.first > self.line + 1:
            marker = self._selection.marker(head, self.line)
            self.line = head.first - 1
            if marker is not None:
                self._ahead.appendleft(piece)
                return marker
        picked = self._selection.pick(head, self.line)
        self._sequence, self.line, self._last = piece.sequence, head.last, head
        self._dull = 0 if picked.count else self._dull + 1
        return picked


async def _set(event: asyncio.Event, within: float | None) -> bool:
    try:
        async with asyncio.timeout(within):
            await event.wait()
    except TimeoutError:
        return False
    return True
