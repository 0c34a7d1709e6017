"""What EVENTS has just stored, heard for those who wait: by an ear for each, or where many wait by one for all.

An ear for each is a subscription made and ended, and a read of the log: half a millisecond of CPU. One for all hears
every event of everybody, a fortieth of that each, and a read is needed no more: who waits for what was submitted a
moment ago finds here all that has happened to it (docs/adr/0022).
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import msgspec

from onward.bus.ports import Messages
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance, fold

MANY = 20
"""Waits that begin within a second: from here on one ear for all is tried."""
WORTH = 40
"""Events that nobody waits for, for each wait: beyond that an ear for each is cheaper."""
COUNTED = 1000
REST_SECONDS = 5.0
MOST_BYTES = 8 << 20

_Stop = Callable[[], Awaitable[None]]
_ENDS = tuple(f'{{"type":"{kind.__struct_config__.tag}"'.encode() for kind in ev.TERMINAL)
_TYPE_FIRST = b'{"type":"'


class Watch:
    """What is heard of one log; `news` is set by what may be its end, and when there is no more waiting."""

    def __init__(self, heard: Iterable[bytes]) -> None:
        self.news = asyncio.Event()
        self.left = False
        self.stop: _Stop | None = None
        self._heard = list(heard)

    def hear(self, data: bytes) -> None:
        """One stored event, once more."""
        self._heard.append(data)
        if data.startswith(_ENDS) or not data.startswith(_TYPE_FIRST):
            self.news.set()

    def leave(self) -> None:
        """Nobody is to wait any longer."""
        self.left = True
        self.news.set()

    def from_the_first(self) -> Execution | None:
        """The state by what was heard alone; None where that does not begin with the first event, or has a hole."""
        events = self._taken()
        if [event.n for event in events] != list(range(1, len(events) + 1)) or not events:
            return None
        try:
            return fold(events)
        except BrokenLog:
            return None

    def on_top_of(self, state: Execution) -> Execution | None:
        """`state` with all that was heard since, or None where something in between was missed."""
        self.news.clear()
        for event in self._taken():
            if event.n <= state.n:
                continue
            try:
                after = advance(state, event)
            except BrokenLog:
                return None
            if isinstance(after, Refused):
                return None
            state = after
        return state

    def _taken(self) -> list[ev.AnyEvent]:
        heard, self._heard = self._heard, []
        events: dict[int, ev.AnyEvent] = {}
        for data in heard:
            with contextlib.suppress(msgspec.MsgspecError):
                event = ev.decode(data)
                events[event.n] = event
        return [events[n] for n in sorted(events)]


class Echoes:
    """Who waits for what, and how it is heard. `later` does what nobody waits for; `closing` lets all go."""

    def __init__(
        self, messages: Messages, later: Callable[[Awaitable[Any]], None], closing: asyncio.Event
    ) -> None:
        self._messages, self._later, self._closing = messages, later, closing
        self._watches: dict[tuple[str, str], list[Watch]] = {}
        self._recent: OrderedDict[tuple[str, str], list[bytes]] = OrderedDict()
        self._bytes = 0
        self._for_all: _Stop | None = None
        self._changing = False
        self._letting_go = False
        self._since = self._rest_until = 0.0
        self._begun = self._waits = self._idle = 0

    @contextlib.asynccontextmanager
    async def watching(self, project: str, execution_id: str) -> AsyncIterator[Watch]:
        """A watch that hears everything from now on, and perhaps what was before."""
        owner = (project, execution_id)
        watch = Watch(self._recent.get(owner, ()))
        self._watches.setdefault(owner, []).append(watch)
        self._count()
        try:
            if self._for_all is None:
                await self._alone(watch, owner)
            yield watch
        finally:
            self._forget(watch, owner)

    def _forget(self, watch: Watch, owner: tuple[str, str]) -> None:
        watch.left = True
        watches = self._watches[owner]
        watches.remove(watch)
        if not watches:
            del self._watches[owner]
        if watch.stop is not None:
            # The answer does not wait for the goodbye.
            self._later(watch.stop())

    def _count(self) -> None:
        if not self._letting_go:
            self._letting_go = True
            self._later(self._let_go())
        now = asyncio.get_running_loop().time()
        if now - self._since > 1:
            self._since, self._begun = now, 0
        self._begun += 1
        self._waits += 1
        if self._begun >= MANY and self._for_all is None and not self._changing and now >= self._rest_until:
            self._changing = True
            self._later(self._open())

    async def _alone(self, watch: Watch, owner: tuple[str, str]) -> None:
        async def hear(_subject: str, data: bytes) -> None:
            watch.hear(data)

        watch.stop = await self._messages.subscribe(subjects.echo(subjects.fence(*owner)), hear)

    async def _open(self) -> None:
        try:
            self._for_all = await self._messages.subscribe(subjects.ECHO_OF_EVENTS, self._hear)
            self._waits = self._idle = 0
        finally:
            self._changing = False

    async def _hear(self, subject: str, data: bytes) -> None:
        owner = subjects.event_owner(subject)
        self._recent.setdefault(owner, []).append(data)
        self._bytes += len(data)
        while self._bytes > MOST_BYTES:
            self._bytes -= sum(map(len, self._recent.popitem(last=False)[1]))
        if watches := self._watches.get(owner):
            for watch in watches:
                watch.hear(data)
            return
        self._idle += 1
        if self._idle >= COUNTED:
            dear, self._idle, self._waits = self._waits * WORTH < self._idle, 0, 0
            if dear and self._for_all is not None and not self._changing:
                self._changing = True
                self._later(self._close(self._for_all))

    async def _close(self, stop: _Stop) -> None:
        """Each who waits gets an ear of its own, and only then the one for all is ended."""
        self._for_all = None
        self._rest_until = asyncio.get_running_loop().time() + REST_SECONDS
        try:
            for owner, watches in list(self._watches.items()):
                for watch in [watch for watch in watches if watch.stop is None]:
                    await self._alone(watch, owner)
                    if watch.left and watch.stop is not None:
                        await watch.stop()
        finally:
            await stop()
            self._recent.clear()
            self._bytes = 0
            self._changing = False

    async def _let_go(self) -> None:
        await self._closing.wait()
        for watches in list(self._watches.values()):
            for watch in watches:
                watch.leave()
