"""All events as they are stored: one upstream for this process, however many clients watch; none while nobody does."""

import asyncio
import contextlib
import logging
import random
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator

from onward.bus.ports import LiveEvents
from onward.contract.errors import OnwardError, Unavailable
from onward_log_relay.folding import Folding, Happening

RING_BYTES = 4 * 1024**2
RING_EVENTS = 4_096
"""What is kept of the newest events; who is further behind reads the store."""
REPLAY = 256
REPLAY_STATES = 1_000
_LAG_SECONDS, _LAG_TRIES = 0.05, 40

log = logging.getLogger(__name__)


class PositionGone(OnwardError):
    """The events behind this position are not stored any more, or never were."""

    code = "position_gone"
    status = 410


class Feed:
    """The newest events, in order; `changed` is set when there are more, then another event takes its place."""

    def __init__(self, events: LiveEvents) -> None:
        self.events = events
        self.changed = asyncio.Event()
        self.watchers = 0
        self.floor = 0
        """From this position on, the ring has everything."""
        self._ring: deque[Happening] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._begun: asyncio.Future[None] | None = None

    @property
    def position(self) -> int:
        """Of the newest event."""
        return self._ring[-1].position if self._ring else self.floor

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator["Feed"]:
        """Follow EVENTS, once for all who watch at the same time. Raises Unavailable."""
        self.watchers += 1
        try:
            if self._begun is None:
                self._begun = asyncio.ensure_future(self._begin())
            await asyncio.shield(self._begun)
            yield self
        finally:
            self.watchers -= 1
            if not self.watchers:
                self._end()

    def above(self, position: int, most: int = REPLAY) -> list[Happening]:
        """The next events of the ring; `position` must not be below the floor."""
        if position >= self.position:
            return []
        first = bisect_right(self._ring, position, key=_position)
        return [self._ring[place] for place in range(first, min(first + most, len(self._ring)))]

    async def _begin(self) -> None:
        try:
            self.floor = (await self.events.bounds())[1]
        except Unavailable:
            self._begun = None
            raise
        self._task = asyncio.get_running_loop().create_task(self._follow())

    def _end(self) -> None:
        for task in (self._begun, self._task):
            if task is not None:
                task.cancel()
        self._begun = self._task = None
        self._ring.clear()
        self._bytes = 0

    async def _follow(self) -> None:
        folding = Folding(self.events)
        after = self.floor
        while True:
            try:
                async for raw in self.events.live(after):
                    after = raw.sequence
                    happening = await folding.take(raw)
                    if happening is not None:
                        self._add(happening)
            except Unavailable as error:
                log.warning("EVENTS cannot be followed just now: %s", error)
                await asyncio.sleep(random.uniform(0.2, 1.0))

    def _add(self, happening: Happening) -> None:
        self._ring.append(happening)
        self._bytes += len(happening.data)
        while (self._bytes > RING_BYTES or len(self._ring) > RING_EVENTS) and len(self._ring) > 1:
            gone = self._ring.popleft()
            self._bytes -= len(gone.data)
            self.floor = gone.position
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


def _position(happening: Happening) -> int:
    return happening.position


class Place:
    """One client's place in the events of a project: what it gets next, whether from the store or from what is live."""

    def __init__(self, feed: Feed, project: str, after: int) -> None:
        self._feed, self._project = feed, project
        self.position = after
        self._folding: Folding | None = None

    @classmethod
    async def at(cls, feed: Feed, project: str, after: int | None) -> "Place":
        """Behind position `after`, 0 being the oldest event there is; None is now. Raises PositionGone, Unavailable."""
        if after is None:
            return cls(feed, project, feed.position)
        first, last = await feed.events.bounds()
        if after == 0:
            return cls(feed, project, first - 1)
        if after < first - 1 or after > max(last, feed.position):
            raise PositionGone(
                f"position {after} is not between {first - 1} and {last}",
                fix="list the executions, then follow from their as_of.position, or without after from now on",
            )
        return cls(feed, project, after)

    async def next(self, idle: float | None = None) -> list[Happening] | None:
        """The next events, some of another project left out; None where nothing happened for `idle` seconds."""
        while True:
            changed = self._feed.changed
            found = await self.ready()
            if found is not None:
                return found
            try:
                async with asyncio.timeout(idle):
                    await changed.wait()
            except TimeoutError:
                return None

    async def ready(self) -> list[Happening] | None:
        """What is there to be read now; None at the end. Raises PositionGone, Unavailable."""
        if self.position >= self._feed.floor:
            self._folding = None
            found = self._feed.above(self.position)
            if not found:
                return None
            self.position = found[-1].position
            return [one for one in found if one.project == self._project]
        return await self._replay()

    async def _replay(self) -> list[Happening]:
        if self._folding is None:
            self._folding = Folding(self._feed.events, REPLAY_STATES)
        for _ in range(_LAG_TRIES):
            raws = await self._feed.events.scan(self.position, REPLAY)
            if raws:
                break
            await asyncio.sleep(_LAG_SECONDS)
        else:
            raise PositionGone(f"what came after position {self.position} was purged")
        found = []
        for raw in raws:
            happening = await self._folding.take(raw)
            if happening is not None and happening.project == self._project:
                found.append(happening)
        self.position = raws[-1].sequence
        return found
