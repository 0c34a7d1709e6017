"""The whole bus in memory: log, queue, timers, lines and messages of one simulated installation."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random

from onward.bus.deadlines import AGAIN, end_overdue
from onward.bus.family import FamilyKeeper, concerns_family
from onward.bus.triggers import TriggerKeeper
from onward.contract import follow_ups, ids, subjects
from onward.contract.decide import Moment
from onward.contract.errors import Unavailable
from onward.contract.events import Submitted
from onward.contract.log import Stored
from onward.testing.connection import Connection
from onward.testing.event_log import EventStream, MemoryEventLog
from onward.testing.faults import CALM, Faults
from onward.testing.limits import LimitKeeping, concerns_limits
from onward.testing.lines import LineStream, MemoryLines
from onward.testing.messages import MemoryMessages, Wires
from onward.testing.objects import MemoryObjects
from onward.testing.timers import Timers, asks_for_timer, ends_timers
from onward.testing.work import MemoryHints, WorkQueue

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Process(Connection):
    """One process of the installation, with the ports through which it sees the rest."""

    def __init__(self, name: str, bus: "MemoryBus", faults: Faults) -> None:
        super().__init__(name, bus.random, faults)
        self._bus = bus
        self.events = bus.log_of(self)
        self.lines = MemoryLines(bus.lines, self)
        self.objects = MemoryObjects(bus.objects, self)
        self.messages = MemoryMessages(bus.wires, self)

    async def keep_deadlines(self, project: str) -> None:
        """End what is overdue, for ever, as execution_state does: no worker need listen."""
        hints = MemoryHints(
            self._bus.work, self, project, (subjects.DEADLINES,), classes=subjects.DEADLINE_KINDS
        )
        while True:
            for hint in await hints.take(10):
                done = False
                with contextlib.suppress(Unavailable):
                    done = await end_overdue(self.events, hint, self.moment)
                    if done:
                        await hints.ack(hint)
                if not done:
                    asyncio.get_running_loop().call_later(AGAIN, self._bus.work.expire, hint.work_sequence)

    def hints(self, project: str, queues: Iterable[str]) -> MemoryHints:
        """The work queue, as a worker of these queues sees it."""
        return MemoryHints(self._bus.work, self, project, queues)

    def moment(self) -> Moment:
        """Now, by this process."""
        return Moment(now=self._bus.now(), new_id=self._bus.new_id, actor=self.name)


class MemoryBus:
    """Keeps the promises of onward.bus.ports without a server; runs on any event loop, and in virtual time on one."""

    def __init__(
        self, random: Random | None = None, *, ack_wait: float = 20.0, faults: Faults = CALM,
        events: EventStream | None = None, timers: Callable[[WorkQueue], Timers] = Timers,
        families: type[FamilyKeeper] = FamilyKeeper,
    ) -> None:  # fmt: skip
        self.random, self.faults = random or Random(0), faults
        self.events, self.lines, self.wires = events or EventStream(), LineStream(), Wires()
        self.objects: dict[str, bytes] = {}
        self.work = WorkQueue(ack_wait, self.random)
        self.timers = timers(self.work)
        self.sourcing = True
        """Whether wake events become hints; switched off, they wait (PROTOCOL H5)."""
        self._wakes: deque[Stored] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.events.listeners += [self._source, self._keep_time, self._keep_families, self._keep_triggers]
        self.keeper = keeper = self.process("family-keeper")
        self.limits = LimitKeeping(self.work, self.process)
        self.events.listeners.append(self._keep_limits)
        self.families = families(keeper.events, keeper.messages, keeper.moment, keeper.run)
        self.triggers = TriggerKeeper(keeper.events, keeper.objects, keeper.moment, keeper.run)

    def process(self, name: str, faults: Faults | None = None) -> Process:
        """A process of this name; each has a connection of its own."""
        return Process(name, self, self.faults if faults is None else faults)

    def log_of(self, connection: Connection) -> MemoryEventLog:
        """The event log over one connection."""
        return MemoryEventLog(self.events, connection)

    def now(self) -> datetime:
        """The time of day that goes with the loop's time."""
        with contextlib.suppress(
            RuntimeError
        ):  # a thread of blocking code asks, too: it means the loop it came from
            self._loop = asyncio.get_running_loop()
        if self._loop is None:
            raise RuntimeError("the time of a memory bus is that of the loop it runs on")
        return EPOCH + timedelta(seconds=self._loop.time())

    def new_id(self) -> str:
        """An id that the bus' random makes the same in every run."""
        return ids.new_id(int(self.now().timestamp() * 1000), self.random.randbytes(10))

    def resume_sourcing(self) -> None:
        """Let the wake events that waited become hints, in order."""
        self.sourcing = True
        while self._wakes:
            self._put_oldest()

    def forget_wakes(self) -> None:
        """Nothing that waits becomes a hint."""
        self._wakes.clear()

    def hint_directly(self, stored: Stored) -> None:
        """What a follower does while the source is silent (PROTOCOL H5)."""
        self._put(stored)

    def _source(self, stored: Stored) -> None:
        if stored.event.wake is not None:
            self._wakes.append(stored)
            self._later(self._put_oldest)

    def _put_oldest(self) -> None:
        if self.sourcing and self._wakes:
            self._put(self._wakes.popleft())

    def _put(self, stored: Stored) -> None:
        event = stored.event
        began = event if isinstance(event, Submitted) else None
        self.work.put(
            event.project,
            event.wake or event.routes[-1],
            event.execution_id,
            n=event.n,
            floor=stored.sequence,
            submitted=began,
        )

    def _keep_time(self, stored: Stored) -> None:
        if asks_for_timer(stored):
            self._later(lambda: self.set_timer(stored))
        elif ends_timers(stored):
            self._later(lambda: self.timers.purge(stored.event.project, stored.event.execution_id))

    def _keep_families(self, stored: Stored) -> None:
        if concerns_family(stored.event):
            self._later(lambda: self.tell_families(stored))

    def _keep_limits(self, stored: Stored) -> None:
        if concerns_limits(stored):
            self._later(lambda: self.limits.hear(stored))

    def tell_families(self, stored: Stored) -> None:
        """What the follower hands to the family keeper; what could not be done is handed over again."""
        done = self.families.take(stored.event)
        if done is not None:
            loop = asyncio.get_running_loop()
            done.add_done_callback(
                lambda ended: loop.call_later(1.0, self.tell_families, stored) if _failed(ended) else None
            )

    def _keep_triggers(self, stored: Stored) -> None:
        if follow_ups.taken(stored.event):
            self._later(lambda: self.pull_triggers(stored))

    def pull_triggers(self, stored: Stored) -> None:
        """What the follower hands to the trigger keeper; what could not be done is handed over again."""
        done = self.triggers.take(stored.event)
        if done is not None:
            loop = asyncio.get_running_loop()
            done.add_done_callback(
                lambda ended: loop.call_later(1.0, self.pull_triggers, stored) if _failed(ended) else None
            )

    def set_timer(self, stored: Stored) -> None:
        """What the timekeeper does with an event that names a due time, each time it is delivered."""
        if stored.event.due is not None:
            self.timers.keep(stored, (stored.event.due - self.now()).total_seconds())
        for kind, at in stored.event.deadlines.items():
            self.timers.keep_deadline(stored, kind, (at - self.now()).total_seconds())

    def _later(self, act: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        if self.faults.lag:
            loop.call_later(self.faults.lag * self.random.random(), act)
        else:
            loop.call_soon(act)


def _failed(ended: "asyncio.Future[None]") -> bool:
    return not ended.cancelled() and ended.exception() is not None
