"""The log of one execution as its worker writes it: numbered lines, gathered into chunks, fenced like events.

`write` only puts a line into a bounded buffer; nothing is read, sent or scheduled for an execution that logs nothing.
"""

import asyncio
import contextlib
import logging
import threading
import weakref
from collections.abc import Callable
from contextvars import Context, ContextVar
from datetime import datetime

from onward.bus.ports import Lines
from onward.contract import lines as li
from onward.contract.errors import FenceLost, Unavailable
from onward.telemetry import scope
from onward.worker.chunks import Author, Packed, Tail, pack, tail_of, that_fit
from onward.worker.line_buffer import Entry, LineBuffer
from onward.worker.printed import Printed, Write, fitted
from onward.worker.scrub import NOTHING_SECRET, Scrubber

GATHER = 0.05
"""Seconds that a line waits for company, unless a chunk is full before."""
_RETRY_FIRST, _RETRY_MOST = 0.05, 2.0
_SHORT = li.MAX_LINE // 4  # so many characters fit, whatever they are
_LEVEL = {**{level: level for level in li.LEVELS}, "warn": "warning", "fatal": "critical", "notset": "debug"}

current_writer: "ContextVar[LineWriter | None]" = ContextVar("onward_writer", default=None)

_log = logging.getLogger(__name__)


def log(text: str, *, level: str = "info", step: str | None = None) -> None:
    """Write a line to the log of the execution that runs here; outside of one, print it."""
    writer = current_writer.get()
    if writer is None:
        print(text)  # noqa: T201 - outside an execution the terminal is the log
    else:
        writer.write(level, "log", text, step)


def _of(writer: "weakref.ref[LineWriter]") -> Write:
    """The writer's `write`, which does not keep it: it is gone with its attempt, without the collector."""

    def write(level: str, stream: str, text: str, step: str | None = None) -> None:
        if (there := writer()) is not None:
            there.write(level, stream, text, step)

    return write


class Zombie(Exception):
    """A newer attempt writes this log."""


class LineWriter:
    """Writes the lines of one attempt; made on the event loop, `write` may be called from any thread."""

    def __init__(  # noqa: PLR0917 - who, in the order in which everything else names it
        self,
        lines: Lines,
        project: str,
        execution_id: str,
        attempt: int,
        worker_id: str,
        now: Callable[[], datetime],
        *,
        scrub: Scrubber = NOTHING_SECRET,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._lines, self._project, self._author = lines, project, Author(execution_id, attempt, worker_id)
        self._now, self._scrub, self.on_lost = now, scrub, on_lost
        self.scrub = scrub
        """Masks what stays out of this log: for who shows a line of it elsewhere too."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        # All but empty, so that what the bus has to log about sending this log does not land in it.
        self._context = Context()
        self._context.run(scope.execution_id.set, execution_id)
        self._buffer = LineBuffer()
        self._taken: list[Entry] = []
        self._packed: Packed | None = None
        self._for_room: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._awake = self._hurried = self._closing = self._ended = self._stored = False
        # A first attempt takes the log for empty; where it is not, the fence says so.
        self._tail = Tail() if attempt == 1 else None
        self.printed = Printed(_of(weakref.ref(self)), scrub)
        """Takes captured output, which comes in pieces."""
        self.lost = False
        """Whether a newer attempt writes this log: nothing is stored any more."""

    def write(self, level: str, stream: str, text: str, step: str | None = None) -> None:
        """Add a line; never raises, and never waits on the event loop."""
        if len(text) > _SHORT or not text.isascii() or self._scrub:
            text = fitted(text, self._scrub)
        entry = Entry(self._now(), _LEVEL.get(level) or _LEVEL.get(level.lower(), "info"), stream, step, text)
        if self._buffer.put(entry) and not (
            self._awake and (self._hurried or not self._buffer.fills_a_chunk)
        ):
            self._wake()

    async def room(self) -> None:
        """Wait until the buffer is half empty: for who reads lines from elsewhere, and can read more slowly."""
        while not self._buffer.half_empty and not self.lost:
            waiting: asyncio.Future[None] = self._loop.create_future()
            self._for_room.append(waiting)
            await waiting

    async def close(self, within: float = 5.0) -> bool:
        """Store what is left, and that this attempt's log ends; False where `within` seconds were too few for that."""
        self.printed.end()
        self._buffer.close()
        self._closing = True
        if len(self._buffer) or self._taken or self._stored:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._finish()
        else:
            self._ended = self._ended or not self.lost
        if self._timer is not None:
            self._timer.cancel()
        left = len(self._buffer) + len(self._taken)
        if left and not self.lost:
            _log.warning("execution %s: %d log lines are lost", self._author.execution_id, left)
        return self._ended

    async def _finish(self) -> None:
        while not self._ended and not self.lost:
            self._ended = not (len(self._buffer) or self._taken or self._stored)
            if self._ended:
                return
            task = self._begin()
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                task.cancel()
                raise
            if task.cancelled():
                return  # this process ends

    # When to send

    def _wake(self) -> None:
        self._awake, self._hurried = True, self._buffer.fills_a_chunk
        if threading.get_ident() == self._thread:
            self._schedule()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody sends any more
                self._loop.call_soon_threadsafe(self._schedule, context=self._context)

    def _schedule(self) -> None:
        if self._buffer.fills_a_chunk:
            _ = self._begin()
        elif self._timer is None and self._task is None:
            self._timer = self._loop.call_later(GATHER, self._begin, context=self._context)

    def _begin(self) -> asyncio.Task[None]:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._task = self._loop.create_task(self._send(), context=self._context)
        return self._task

    async def _send(self) -> None:
        try:
            more = not self.lost
            while more:
                await self._store()
                more = (self._closing and not self._ended) or self._buffer.fills_a_chunk
        except Zombie:
            self._lose()
        except Exception:  # noqa: BLE001 - a chunk that cannot be stored must not keep back the ones behind it
            _log.exception("execution %s: a chunk of its log could not be stored", self._author.execution_id)
            self._buffer.lose(sum(entry.dropped or 1 for entry in self._taken))
            self._taken, self._packed, self._ended = [], None, self._closing
        finally:
            self._task = None
            self._awake = self._hurried = False  # first: who writes from here on wakes again
            if self._buffer.peek(0) is not None and not self._closing:
                self._wake()

    # What to send

    async def _store(self) -> None:
        retry = _RETRY_FIRST
        while True:
            try:
                if self._tail is None:
                    self._tail = await self._newest()
                if self._packed is None:
                    self._packed = self._next(self._tail)
                if self._packed is None or await self._append(self._packed, self._tail):
                    return
            except Unavailable:
                await asyncio.sleep(retry)
                retry = min(2 * retry, _RETRY_MOST)

    def _next(self, tail: Tail) -> Packed | None:
        lines = None
        if not self._taken:
            lines = that_fit(self._buffer, tail, self._author.attempt)
            self._taken = self._buffer.take(len(lines), self._now())
            self._hurried = False
            self._let_in()
        end = self._closing and not len(self._buffer)
        self._ended = end and not self._taken and not self._stored
        if self._ended or not (self._taken or end):
            return None
        return pack(self._taken, tail, self._author, end=end, lines=lines)

    async def _append(self, packed: Packed, tail: Tail) -> bool:
        """Whether it is stored; if not, the tail is another one now."""
        try:
            sequence = await self._lines.append(
                self._project, self._author.execution_id, packed.data, tail.sequence
            )
        except FenceLost as lost:
            sequence = await self._look(packed, tail, lost.floor)
            if not sequence:
                self._packed = None
                return False
        self._tail = packed.after.at(sequence)
        self._stored, self._ended = True, li.head(packed.data).end
        self._taken, self._packed = [], None
        return True

    async def _look(self, packed: Packed, tail: Tail, floor: int) -> int:
        """The sequence of the chunk, where it was stored before after all. Raises Zombie."""
        last = await self._lines.last(self._project, self._author.execution_id)
        if (
            last is None and not floor and tail.sequence
        ):  # too old to be kept: the numbers go on, the sequence does not
            self._tail = tail.at(0)
            return 0
        if last is None or last.sequence < floor or last.sequence == tail.sequence:
            raise Unavailable("a read of the log lags behind")
        if last.data == packed.data:
            return last.sequence
        head = li.head(last.data)
        if head.attempt > self._author.attempt or (head.attempt == self._author.attempt and self._stored):
            raise Zombie
        self._tail = tail_of(last.sequence, head)
        return 0

    async def _newest(self) -> Tail:
        last = await self._lines.last(self._project, self._author.execution_id)
        if last is None:
            return Tail()
        head = li.head(last.data)
        if head.attempt > self._author.attempt:
            raise Zombie
        return tail_of(last.sequence, head)

    def _let_in(self) -> None:
        waiting, self._for_room = self._for_room, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _lose(self) -> None:
        self.lost = True
        self._buffer.close()
        self._let_in()
        if self.on_lost is not None:
            self.on_lost()
