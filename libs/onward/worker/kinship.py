"""The children of a running attempt: decided on, created, waited for, stopped (PROTOCOL F1)."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from onward.bus.begin_permits import BeginPermit, anything
from onward.bus.ports import EventLog, Messages, Objects
from onward.contract import events as ev
from onward.contract import family, ids
from onward.contract.decide import envelope
from onward.contract.execution import Execution, Group
from onward.tasks.children import Order
from onward.tasks.outcome import Interrupted
from onward.worker.course import Course
from onward.worker.offspring import Offspring
from onward.worker.places import scope_here

MOST_BYTES = 400 * 1024
"""Inputs that one event carries, unless a single one is larger."""
PATIENT, HURRIED = 0.25, 0.02
"""Seconds for which children are waited for in memory: with free slots here, and without."""


class Kin(msgspec.Struct, frozen=True):
    """What an attempt needs to have children."""

    events: EventLog
    messages: Messages
    objects: Objects
    free: Callable[[], int]
    """Slots that are free on this worker."""
    permit: BeginPermit = anything
    """Asked before a child begins."""


class _Spawn(msgspec.Struct, eq=False, kw_only=True):
    """Children `first` … of a group, to be decided on."""

    order: Order
    group: str
    first: int
    inputs: tuple[msgspec.Raw, ...]
    done: "asyncio.Future[None]"

    @property
    def size(self) -> int:
        return sum(len(memoryview(given)) for given in self.inputs)


class _Waiting(msgspec.Struct, eq=False, kw_only=True):
    """A call that waits for children of a group."""

    group: str
    want: int
    wake: int
    tolerates: int
    future: "asyncio.Future[None]"


class Kinship:
    """All children of one attempt's execution. Implements waits.Part."""

    def __init__(self, course: Course, kin: Kin) -> None:
        self._course, self._kin = course, kin
        self._offspring = Offspring(course, kin.events, kin.messages, kin.objects, kin.permit)
        self._ends: dict[str, dict[int, ev.ChildEnd]] = {}
        self._read_to = 0
        self._pending: list[_Spawn] = []
        self._about: dict[str, int] = {}
        """How many of each group are decided on once all that is pending is stored."""
        self._spawner: asyncio.Task[None] | None = None
        self._waiting: list[_Waiting] = []
        self._blocked_on: tuple[_Waiting, ...] = ()
        self.settle: Callable[[], None] = lambda: None
        """Called when a wait begins."""
        course.on_interrupt.append(self._interrupt)
        course.on_news.append(self._noticed)
        self._offspring.look_after()

    def children(self, order: Order, key: str | None) -> "Brood":
        """The children of a call that is made now; its place among its namesakes is counted now."""
        scope = scope_here.get()
        place = self._course.places.next(f"{scope}//children", order.task) if key is None else f"={key}"
        return Brood(self, order, f"{scope}/{order.task}{place}".lstrip("/"))

    def group(self, name: str) -> Group | None:
        """What the log says of a group."""
        return self._course.hold.state.groups.get(name)

    def ends(self, name: str) -> dict[int, ev.ChildEnd]:
        """The known ends of a group's children, in the order in which they became known."""
        log = self._course.hold.log
        if log.sequence > self._read_to:
            new = [item.event for item in log.stored if item.sequence > self._read_to]
            for group, ended in family.ends_by_group(new, log.execution).items():
                self._ends.setdefault(group, {}).update(ended)
            self._read_to = log.sequence
        return self._ends.get(name, {})

    # Creating them

    async def spawn(self, order: Order, name: str, inputs: Sequence[msgspec.Raw]) -> None:
        """Decide on the next children of a group, together with whatever else is decided on now; create them."""
        await self._course.enter()
        # A large one is kept as the parent's: the child has no log yet, not even an id.
        large, what = self._course.hold.large, f"the input of a child of {order.task}"
        inputs = [await large.keep(given, what) for given in inputs]
        first = self.spawned(name)
        made: list[_Spawn] = []
        for part in _parts(inputs):
            done: asyncio.Future[None] = self._course.loop.create_future()
            made.append(_Spawn(order=order, group=name, first=first, inputs=part, done=done))
            first += len(part)
        self._pending += made
        self._about[name] = first
        if self._spawner is None:
            # A task of its own: what the log has decided on is created, whatever becomes of the call.
            self._course.busy()
            self._spawner = self._course.loop.create_task(self._spawn_all())
        await asyncio.gather(*(asyncio.shield(spawn.done) for spawn in made))

    def spawned(self, name: str) -> int:
        """How many were decided on, or are about to be."""
        group = self.group(name)
        return max(group.spawned if group else 0, self._about.get(name, 0))

    async def _spawn_all(self) -> None:
        try:
            while self._pending:
                some = self._next_few()
                try:
                    await self._decide_and_create(some)
                except (Exception, Interrupted) as error:  # noqa: BLE001 - the calls raise it
                    for spawn in self._pending:
                        if not spawn.done.done():
                            spawn.done.set_exception(error)
                            spawn.done.exception()  # the call may be gone: then nobody asks
                    self._pending.clear()
                    self._about.clear()
                    return
                del self._pending[: len(some)]
                for spawn in some:
                    if not spawn.done.done():
                        spawn.done.set_result(None)
        finally:
            self._spawner = None
            self._course.idle()

    def _next_few(self) -> list[_Spawn]:
        some, size = [self._pending[0]], self._pending[0].size
        for spawn in self._pending[1:]:
            size += spawn.size
            if size > MOST_BYTES or len(some) == 100:
                break
            some.append(spawn)
        return some

    async def _decide_and_create(self, some: list[_Spawn]) -> None:
        hold = self._course.hold
        await self._course.decide(lambda state: self._events(some, state))
        wanted = {(spawn.group, spawn.first) for spawn in some}
        told = [
            item.event
            for item in hold.log.stored
            if isinstance(item.event, ev.ChildrenSpawned) and (item.event.group, item.event.first) in wanted
        ]
        await self._offspring.create(told)

    def _events(self, some: list[_Spawn], state: Execution) -> tuple[ev.ChildrenSpawned, ...]:
        made: list[ev.ChildrenSpawned] = []
        for spawn in some:
            group = state.groups.get(spawn.group)
            if group is not None and group.spawned > spawn.first:
                continue  # an append whose outcome was unknown had got through
            order = spawn.order
            made.append(ev.ChildrenSpawned(
                **envelope(state, self._course.hold.moment(), ahead=len(made) + 1), group=spawn.group,
                first=spawn.first, inputs=spawn.inputs, task=order.task, queue=order.queue, priority=order.priority,
                labels=order.labels, retry=order.retry, timeouts=order.timeouts,
                on_exhausted=order.on_exhausted, policy=order.policy,
            ))  # fmt: skip
        return tuple(made)

    # Waiting for them

    async def news(self, name: str, *, want: int, wake: int, tolerates: int) -> None:
        """Until so many of a group have ended, or too many badly."""
        future: asyncio.Future[None] = self._course.loop.create_future()
        waiting = _Waiting(group=name, want=want, wake=wake, tolerates=tolerates, future=future)
        if _over(waiting, self._course.hold.state):
            return
        self._course.check_open()
        self._waiting.append(waiting)
        self.settle()
        try:
            await future
        finally:
            self._waiting.remove(waiting)

    def _noticed(self, state: Execution) -> None:
        for waiting in self._waiting:
            if not waiting.future.done() and _over(waiting, state):
                waiting.future.set_result(None)

    def _interrupt(self, why: str) -> None:
        self._blocked_on = tuple(self._waiting)
        for waiting in self._waiting:
            if not waiting.future.done():
                waiting.future.set_exception(Interrupted(why))

    @property
    def waits(self) -> bool:
        """Whether some call waits for children."""
        return bool(self._waiting)

    @property
    def moves(self) -> bool:
        """Whether a wait has just ended, and its call goes on."""
        return any(waiting.future.done() for waiting in self._waiting)

    @property
    def patience(self) -> float:
        """Seconds until the attempt lets go; at once where children may need this very slot."""
        return PATIENT if self._kin.free() > 0 else HURRIED

    def suspension(self, state: Execution) -> dict[str, Any] | None:
        """The members of the event that lets go; None where a wait is over by now."""
        if any(_over(waiting, state, asleep=False) for waiting in self._blocked_on):
            return None
        children: dict[str, int] = {}
        tolerates: dict[str, int] = {}
        for waiting in self._blocked_on:
            name = waiting.group
            children[name] = min(waiting.wake, children.get(name, waiting.wake))
            tolerates[name] = min(waiting.tolerates, tolerates.get(name, waiting.tolerates))
        return {"children": children, "tolerates": tolerates} if children else {}

    # Looking at one

    def child_id(self, name: str, index: int) -> str:
        """The execution id of a child."""
        state = self._course.hold.state
        return ids.child_id(state.id, name, state.groups[name].born, index)

    async def output(self, name: str, index: int) -> msgspec.Raw:
        """What a child returned."""
        return await self._offspring.output(self.child_id(name, index))

    async def stop(self, name: str, places: Iterable[int]) -> None:
        """Cancel children of a group that are not wanted any more."""
        self._course.busy()
        try:
            await self._offspring.stop([self.child_id(name, index) for index in places])
        finally:
            self._course.idle()


class Brood:
    """The children of one call. Implements onward.tasks.children.Children."""

    def __init__(self, kinship: Kinship, order: Order, name: str) -> None:
        self._kinship, self._order, self._name = kinship, order, name

    @property
    def spawned(self) -> int:
        """See Children."""
        return self._kinship.spawned(self._name)

    @property
    def ended(self) -> Mapping[int, ev.ChildEnd]:
        """See Children."""
        return self._kinship.ends(self._name)

    def id_of(self, index: int) -> str:
        """See Children."""
        return self._kinship.child_id(self._name, index)

    async def spawn(self, inputs: Sequence[msgspec.Raw]) -> None:
        """See Children."""
        await self._kinship.spawn(self._order, self._name, inputs)

    async def news(self, *, want: int, wake: int, tolerates: int) -> None:
        """See Children."""
        await self._kinship.news(self._name, want=want, wake=wake, tolerates=tolerates)

    async def output(self, index: int) -> msgspec.Raw:
        """See Children."""
        return await self._kinship.output(self._name, index)

    async def stop(self, places: Iterable[int]) -> None:
        """See Children."""
        await self._kinship.stop(self._name, places)


def _over(waiting: _Waiting, state: Execution, *, asleep: bool = False) -> bool:
    group = state.groups.get(waiting.group)
    if group is None:
        return False
    return group.done >= (waiting.wake if asleep else waiting.want) or group.failed > waiting.tolerates


def _parts(inputs: Sequence[msgspec.Raw]) -> list[tuple[msgspec.Raw, ...]]:
    parts: list[list[msgspec.Raw]] = [[]]
    size = 0
    for given in inputs:
        length = len(memoryview(given))
        if parts[-1] and size + length > MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(given)
        size += length
    return [tuple(part) for part in parts]
