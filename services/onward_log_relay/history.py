"""The stored log of one execution: read onward from anywhere, and found by line number or level without reading it."""

import asyncio
import itertools
import logging
from collections.abc import Callable

import msgspec

from onward.bus.ports import Lines, Raw
from onward.contract import lines as li
from onward_log_relay.selection import Selection

READ_BYTES = 128 * 1024
"""What is kept of one read: what a reader that stalls holds in memory."""
READS_AT_ONCE = 8
"""Of all readers together, for a read may bring more than is kept of it."""
_MOST, _FIRST = 64, 4
_BLOCK = 20_000  # lines that a backward search takes at first

Measure = Callable[[li.Head], tuple[int, int]]
"""How many of what is looked for stand before a chunk, and up to its end."""

log = logging.getLogger(__name__)


class Piece(msgspec.Struct, frozen=True):
    """One stored chunk; no head where it cannot be read."""

    sequence: int
    head: li.Head | None


def piece_of(raw: Raw) -> Piece:
    """The chunk in a stored message."""
    try:
        return Piece(raw.sequence, li.head(raw.data))
    except msgspec.MsgspecError as error:
        log.warning("chunk %d on %s cannot be read: %s", raw.sequence, raw.subject, error)
        return Piece(raw.sequence, None)


class History:
    """Reads the chunks of one execution. Every method raises Unavailable where LOGS does not answer."""

    def __init__(
        self, lines: Lines, project: str, execution_id: str, turn: asyncio.Semaphore | None = None
    ) -> None:
        self._lines, self._project, self._execution_id = lines, project, execution_id
        self._turn = turn or asyncio.Semaphore()
        self._most = _FIRST

    async def newest(self) -> Piece | None:
        """The last chunk."""
        raw = await self._lines.last(self._project, self._execution_id)
        return None if raw is None else piece_of(raw)

    async def after(self, sequence: int, most: int | None = None, *, enough: int = READ_BYTES) -> list[Piece]:
        """The chunks above a sequence, about `enough` bytes of them; empty at the end."""
        async with self._turn:
            raws = await self._lines.read(
                self._project, self._execution_id, after=sequence, most=most or self._most
            )
            sizes = list(itertools.accumulate(len(raw.data) for raw in raws))
            if raws and most is None:
                self._most = max(1, min(enough * len(raws) // sizes[-1], _MOST))
            return [piece_of(raw) for i, raw in enumerate(raws) if not i or sizes[i] <= enough]

    async def find(self, measure: Measure, wanted: int, newest: Piece, low: int = 0) -> int:
        """A sequence whose next chunk holds the `wanted`-th of what `measure` counts; above `low`, up to the newest."""
        high = newest.sequence
        below, width = 0, 1
        total = measure(newest.head)[1] if newest.head else 0
        tries = 0
        while low < high - 1:
            share = (wanted - below - width) / max(1, total - below)
            tries += 1
            guess = (low + high) // 2 if tries % 3 == 0 else low + int((high - low) * share)
            guess = min(high - 1, max(low, guess))
            found = await self.after(guess, most=1)
            if not found or found[0].head is None or found[0].sequence > high:
                high = guess
                continue
            before, upto = measure(found[0].head)
            width = max(1, upto - before)
            if upto < wanted:
                low, below = found[0].sequence, upto
            elif before < wanted:
                return found[0].sequence - 1
            else:
                high, total = guess, before
        return low

    async def find_line(self, line: int, newest: Piece) -> int:
        """A sequence to read above for everything from line number `line` on."""
        return await self.find(lambda head: (head.first - 1, head.last), line, newest)

    async def find_level(self, levels: frozenset[str], nth: int, newest: Piece, low: int = 0) -> int:
        """A sequence whose next chunk holds the `nth` line of these levels."""
        return await self.find(
            lambda head: (li.count_of(head.before, levels), li.count_of(head.totals, levels)),
            nth,
            newest,
            low,
        )

    async def tail(self, selection: Selection, count: int) -> int:
        """The line number behind which stand the last `count` lines of a selection."""
        newest = await self.newest()
        if newest is None or newest.head is None or not count:
            return newest.head.last if newest and newest.head else 0
        if selection.grep is not None:
            return await self._search_back(selection, count, newest)
        levels = selection.levels
        if levels is None:
            return max(0, newest.head.last - count)
        if not indexed(newest.head):
            return await self._search_back(selection, count, newest)
        wanted = li.count_of(newest.head.totals, levels) - count + 1
        if wanted <= 1:
            return 0
        found = await self.after(await self.find_level(levels, wanted, newest), most=1)
        if not found or found[0].head is None:
            return 0
        head = found[0].head
        return selection.pick(head, 0).each()[wanted - li.count_of(head.before, levels) - 1][0] - 1

    async def _search_back(self, selection: Selection, count: int, newest: Piece) -> int:
        """Read block by block from the end, each twice as long, until there are enough."""
        end, block = newest.head.last if newest.head else 0, _BLOCK
        found: list[int] = []
        while end > 0 and len(found) < count:
            start = max(0, end - block)
            found = await self._between(selection, start, end, newest) + found
            end, block = start, 2 * block
        return found[-count] - 1 if len(found) >= count else 0

    async def _between(self, selection: Selection, start: int, end: int, newest: Piece) -> list[int]:
        sequence, numbers = await self.find_line(start + 1, newest), list[int]()
        while pieces := await self.after(sequence):
            for piece in pieces:
                sequence = piece.sequence
                if piece.head is None:
                    continue
                if piece.head.first > end:
                    return numbers
                numbers += [n for n, _ in selection.pick(piece.head, start).each() if n <= end]
        return numbers


def indexed(head: li.Head) -> bool:
    """Whether its counts reach back to the beginning, so that lines are found by them."""
    return sum(head.before.values()) == head.first - 1
