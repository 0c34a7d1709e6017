"""One execution, as all who watch it see it: one upstream for its state and one for its log, however many watch."""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from onward.bus.ports import Lines, Messages
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import BrokenLog, NotFound, Unavailable
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance
from onward.contract.log import Log
from onward.contract.view import view
from onward_log_relay.history import Piece, piece_of
from onward_log_relay.states import Remembered, States

RING_BYTES = 512 * 1024
"""What is kept of the newest chunks; who is further behind reads the store."""
LOOK_SECONDS = 5.0
"""An echo can get lost, so the log itself is looked at this often."""
SETTLE_SECONDS = 0.2
"""How long a lagging replica may hide the last chunk of a log whose end is not marked."""

log = logging.getLogger(__name__)


class Watch:
    """Implements reader.Live. `start` before use, `close` after the last one has left."""

    def __init__(
        self, lines: Lines, messages: Messages, states: States, project: str, execution_id: str
    ) -> None:
        self._lines, self._messages, self._states = lines, messages, states
        self._project, self._execution_id = project, execution_id
        self._named = {"execution_id": execution_id}
        self.changed = asyncio.Event()
        self.ends_at: int | None = None
        self.floor: int | None = None
        self.newest = 0
        """The sequence of the last chunk that came."""
        self._found: Log | Remembered | None = None
        self._execution: Execution | None = None
        self._ring: deque[tuple[Piece, int]] = deque()
        self._ring_bytes = 0
        self._view: tuple[int, bytes] | None = None
        self._heard: dict[int, ev.AnyEvent] = {}
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._follows_log = False
        self._unsubscribe: Callable[[], Awaitable[None]] | None = None

    @property
    def execution(self) -> Execution:
        """The state as far as it is known."""
        if self._execution is None:
            raise RuntimeError("not started")
        return self._execution

    def view(self) -> bytes:
        """The state as it is shown, in JSON; made once for everybody."""
        n = self.execution.n
        if self._view is None or self._view[0] != n:
            self._view = (n, msgspec.json.encode(view(self.execution)))
        return self._view[1]

    async def start(self) -> None:
        """Find the execution and follow its state. Raises NotFound, Unavailable."""
        echo = subjects.echo(subjects.fence(self._project, self._execution_id))
        self._unsubscribe = await self._messages.subscribe(echo, self._hear)
        self._found = await self._states.find(self._project, self._execution_id)
        self._execution = self._found.execution
        self._run(self._follow_state())

    def follow_log(self) -> None:
        """Follow its log too, from now on."""
        if not self._follows_log:
            self._follows_log = True
            self._run(self._follow_log())

    def piece(self, after: int) -> Piece | None:
        """See reader.Live."""
        if after >= self.newest:
            return None
        return next((piece for piece, _ in self._ring if piece.sequence > after), None)

    async def close(self) -> None:
        """Leave both upstreams."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._unsubscribe is not None:
            with contextlib.suppress(Unavailable):
                await self._unsubscribe()

    # The state

    async def _hear(self, _subject: str, data: bytes) -> None:
        with contextlib.suppress(msgspec.MsgspecError):
            event = ev.decode(data)
            self._heard[event.n] = event
        self._news.set()

    async def _follow_state(self) -> None:
        while True:
            if not self.execution.final:
                self.ends_at = None
            elif self.ends_at is None:
                await self._settle()
            heard = await self._wait_for_news()
            state, whole = self._advanced(self.execution)
            if not (heard and whole):
                state = await self._read(state)
            if state.n > self.execution.n:
                self._execution = state
                self._tell()

    async def _wait_for_news(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS * random.uniform(0.8, 1.2)):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    def _advanced(self, state: Execution) -> tuple[Execution, bool]:
        """The state with what was heard since; False where something in between was missed."""
        heard, self._heard = self._heard, {}
        for n in sorted(n for n in heard if n > state.n):
            try:
                after = advance(state, heard[n])
            except BrokenLog:
                return state, False
            if isinstance(after, Refused):
                return state, False
            state = after
        return state, True

    async def _read(self, state: Execution) -> Execution:
        try:
            if isinstance(self._found, Log):
                self._found = await self._states.again(self._found)
            else:
                self._found = await self._states.find(self._project, self._execution_id)
        except (Unavailable, BrokenLog, NotFound) as error:
            log.warning(
                "the state of %s cannot be read just now: %s", self._execution_id, error, extra=self._named
            )
            return state
        found = self._found.execution
        return found if found.n > state.n else state

    async def _settle(self) -> None:
        """Learn which chunk is the last one: its writer has marked it, or nothing came for a while."""
        try:
            newest = await self._last()
            if newest is None or not self._is_end(newest):
                await asyncio.sleep(SETTLE_SECONDS)
                newest = await self._last()
        except Unavailable:
            return  # looked at again after LOOK_SECONDS at most
        self.ends_at = newest.sequence if newest else 0
        self._tell()

    def _is_end(self, newest: Piece) -> bool:
        return newest.head is not None and newest.head.end and newest.head.attempt == self.execution.attempt

    # The log

    async def _last(self) -> Piece | None:
        raw = await self._lines.last(self._project, self._execution_id)
        return None if raw is None else piece_of(raw)

    async def _follow_log(self) -> None:
        while True:
            try:
                if self.floor is None:
                    newest = await self._last()
                    self.newest = self.floor = newest.sequence if newest else 0
                    self._tell()
                async for raw in self._lines.follow(self._project, self._execution_id, after=self.newest):
                    self._add(piece_of(raw), len(raw.data))
            except Unavailable as error:
                log.warning(
                    "cannot follow the log of %s just now: %s", self._execution_id, error, extra=self._named
                )
                await asyncio.sleep(random.uniform(0.2, 1.0))

    def _add(self, piece: Piece, size: int) -> None:
        self._ring.append((piece, size))
        self._ring_bytes += size
        self.newest = piece.sequence
        while self._ring_bytes > RING_BYTES and len(self._ring) > 1:
            gone, size = self._ring.popleft()
            self._ring_bytes -= size
            self.floor = gone.sequence
        self._tell()

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(_report)
        self._tasks.append(task)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("an upstream broke", exc_info=error)
