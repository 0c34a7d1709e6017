"""The family keeper: tells parents of their children's ends, and repairs what a dying parent left (PROTOCOL F1-F3).

It works on the ports alone. Whatever it does can be done twice, so several of them are safe.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

import msgspec

from onward.bus import kin
from onward.bus.begin_permits import BeginPermit, anything
from onward.bus.patience import patiently
from onward.bus.ports import EventLog, Messages
from onward.contract import events as ev
from onward.contract import family
from onward.contract.decide import Moment
from onward.contract.errors import Behind, Unavailable
from onward.contract.log import Log

log = logging.getLogger("onward.family")

GATHER = 0.01
"""Seconds between two appends to one parent: the ends of children that come meanwhile travel together."""
REPAIR_AFTER = 2.0
"""Seconds that a parent's worker has to create the children it decided on."""
REMEMBERED = 256
_AT_ONCE = 64

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class _Telling(msgspec.Struct, eq=False, kw_only=True):
    """A parent under way: the ends it has not heard of yet, each with whoever waits until it has."""

    project: str
    ends: list[tuple[ev.ChildEnd, "asyncio.Future[None]"]]


class FamilyKeeper:
    """Takes every event once, in any order, and hears of most of them sooner. `run` starts its tasks."""

    def __init__(
        self, events: EventLog, messages: Messages, moment: Callable[[], Moment], run: Run, *,
        gather: float = GATHER, repair_after: float = REPAIR_AFTER, permit: BeginPermit = anything,
    ) -> None:  # fmt: skip
        self._events, self._messages, self._moment, self._run = events, messages, moment, run
        self._gather, self._repair_after, self._permit = gather, repair_after, permit
        self._telling: dict[str, _Telling] = {}
        self._known: OrderedDict[str, Log] = OrderedDict()
        """The parents as they were last seen: state and sequence, without their events."""
        self._missing: dict[tuple[str, str], set[int]] = {}
        """The places of those who are not created yet, as far as is known here, by parent and group."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self.told = self.appended = self.repaired = self.stopped = 0

    def take(self, event: ev.AnyEvent) -> "asyncio.Future[None] | None":
        """Act on an event; over when that is done for good. None: there is nothing to do, or nothing to wait for."""
        self.hear(event)
        acts: list[asyncio.Future[None]] = []
        if isinstance(event, ev.TERMINAL) and event.child_of and (end := family.child_end(event)) is not None:
            acts.append(self._tell_later(event.project, event.child_of.parent_id, end))
        if isinstance(event, ev.TERMINAL) and event.orphans:
            acts.append(self._start(patiently(lambda: self._stop_orphans(event))))
        return _all(acts)

    def hear(self, event: ev.AnyEvent) -> None:
        """Note who is to be created, and who was: soon, for whoever hears events before they are taken."""
        match event:
            case ev.ChildrenSpawned() if event.id not in self._heard:
                self._heard[event.id] = None
                while len(self._heard) > 40 * REMEMBERED:
                    self._heard.popitem(last=False)
                places = range(event.first, event.first + len(event.inputs))
                self._missing.setdefault((event.execution_id, event.group), set()).update(places)
                _ = self._start(self._repair_later(event, places))
            case ev.Submitted(child_of=ev.ChildOf() as whose):
                self._created(whose.parent_id, whose.group, {whose.index})

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Future[None]":
        task = self._run(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _created(self, parent_id: str, group: str, places: set[int]) -> None:
        missing = self._missing.get((parent_id, group))
        if missing is not None:
            missing -= places
            if not missing:
                del self._missing[parent_id, group]

    # F1: create what the parent's worker did not

    async def _repair_later(self, spawned: ev.ChildrenSpawned, places: range) -> None:
        await asyncio.sleep(self._repair_after)
        left = self._missing.get((spawned.execution_id, spawned.group), set()) & set(places)
        if left:
            try:
                await patiently(lambda: self._repair(spawned, left))
            except Exception:
                log.exception("children of execution %s are not created", spawned.execution_id)
            self._created(spawned.execution_id, spawned.group, left)

    async def _repair(self, spawned: ev.ChildrenSpawned, left: Iterable[int]) -> None:
        parent = await self._events.read(spawned.project, spawned.execution_id)
        if parent is None or parent.execution.ended:
            return
        state = parent.execution
        group = state.groups.get(spawned.group)
        if group is None or not group.born <= spawned.n:
            return
        moment = self._moment()
        made = [family.first_event(spawned, state, index, moment) for index in sorted(left)]
        begin = partial(kin.begin, self._events, self._permit, moment=moment)
        created = await asyncio.gather(*(self._a_few(partial(begin, first)) for first in made))
        self.repaired += sum(created)

    # F2: tell the parent

    def _tell_later(self, project: str, parent_id: str, end: ev.ChildEnd) -> "asyncio.Future[None]":
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        telling = self._telling.get(parent_id)
        if telling is None:
            telling = self._telling[parent_id] = _Telling(project=project, ends=[])
            _ = self._start(self._tell(parent_id, telling))
        telling.ends.append((end, told))
        return told

    async def _tell(self, parent_id: str, telling: _Telling) -> None:
        while telling.ends:
            some, telling.ends = telling.ends[: family.MOST_ENDS], telling.ends[family.MOST_ENDS :]
            ends = [end for end, _ in some]
            error: Unavailable | None = None
            try:
                await patiently(partial(self._append_ends, telling.project, parent_id, ends))
            except Unavailable as away:
                error = away
            except Exception:
                # Not to be mended by trying again; the parent's next claim looks at its children itself.
                log.exception("execution %s cannot be told of its children", parent_id)
            for _, told in some:
                if not told.done():
                    told.set_result(None) if error is None else told.set_exception(error)
            if len(telling.ends) < family.MOST_ENDS:
                await asyncio.sleep(self._gather)
        del self._telling[parent_id]

    async def _append_ends(self, project: str, parent_id: str, ends: list[ev.ChildEnd]) -> None:
        parent = self._known.pop(parent_id, None) or await self._events.read(project, parent_id)
        if parent is None:
            return  # it has ended so long ago that it is purged
        moment, before = self._moment(), parent
        decide = partial(family.children_done, ends=ends, moment=moment)
        parent = await kin.decide_on(self._events, parent, decide)
        if parent is before:
            # Doing nothing needs the newest state: what is known here may be old (PROTOCOL V1).
            parent = await kin.decide_on(self._events, await self._events.read_on(parent), decide)
        if family.unheard_of(parent.execution, ends):
            raise Behind(f"the log of execution {parent_id} was read without its newest children")
        self._remember(parent)
        self.told += len(ends)
        self.appended += 1
        await kin.nudge(self._messages, parent.execution)
        for child_id in family.left_behind(parent.execution, ends):
            child = await self._events.read(project, child_id)
            if child is not None:
                await kin.revive(self._events, child, parent.execution, moment, permit=self._permit)

    def _remember(self, parent: Log) -> None:
        self._known[parent.execution.id] = msgspec.structs.replace(parent, stored=())
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    # F3: stop what the parent leaves behind

    async def _stop_orphans(self, event: ev.AnyEvent) -> None:
        parent = await self._events.read(event.project, event.execution_id)
        if parent is None:
            return
        # A later life may have forgotten some of them before this was heard of: nobody else stops those.
        for left in (parent if parent.execution.final else None, family.forgotten(parent, event.n)):
            if left is not None:
                orphans = family.orphans(left.execution).items()
                stops = (partial(self._stop, left, child_id, *place) for child_id, place in orphans)
                await asyncio.gather(*(self._a_few(stop) for stop in stops))

    async def _stop(self, parent: Log, child_id: str, group: str, index: int) -> None:
        state, moment = parent.execution, self._moment()
        child = await self._events.read(state.project, child_id)
        if child is None:
            told = (item.event for item in parent.stored)
            spawned = family.spawn_of(told, group, state.groups[group].born, index)
            if spawned is None:
                return  # purged, and the child with it
            made = family.never_created(state, child_id, spawned, index, moment)
            if await kin.create(self._events, *made):
                self.stopped += 1
                return
            child = await self._events.read(state.project, child_id, route=made[0].routes[0])
        if child is not None:
            await kin.stop(self._events, self._messages, child, moment, "parent_ended", life=state.lives)
            self.stopped += 1

    async def _a_few(self, act: Callable[[], Awaitable[T]]) -> T:
        async with self._few:
            return await act()


def concerns_family(event: ev.AnyEvent) -> bool:
    """Whether the keeper has anything to do with such an event."""
    match event:
        case ev.ChildrenSpawned():
            return True
        case ev.Submitted():
            return event.child_of is not None
        case ev.Completed() | ev.Failed() | ev.Cancelled():
            return event.child_of is not None or event.orphans > 0
    return False


def _all(acts: "list[asyncio.Future[None]]") -> "asyncio.Future[None] | None":
    if len(acts) < 2:
        return acts[0] if acts else None

    async def every() -> None:
        await asyncio.gather(*acts)

    return asyncio.ensure_future(every())
