"""Single children as their parent's worker deals with them: create, look after, read, stop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

import msgspec

from onward.bus import kin
from onward.bus.begin_permits import BeginPermit
from onward.bus.ports import EventLog, Messages, Objects
from onward.bus.recall import Recalled, recall, recall_events
from onward.bus.values import Values
from onward.contract import events as ev
from onward.contract import family, ids
from onward.contract.carry import carry
from onward.contract.errors import FenceLost, OnwardError, Unavailable, ValueLost
from onward.contract.log import Decision, Log, Stored
from onward.tasks.outcome import Interrupted
from onward.worker.course import Course

log = logging.getLogger("onward.worker")

T = TypeVar("T")

AT_ONCE = 64
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0


class Offspring:
    """The children of one attempt's execution, one by one; what is away is waited for."""

    def __init__(
        self, course: Course, events: EventLog, messages: Messages, objects: Objects, permit: BeginPermit
    ) -> None:
        self._course, self._events, self._messages, self._permit = course, events, messages, permit
        self._values = Values(objects)
        self._few = asyncio.Semaphore(AT_ONCE)
        self._looking: asyncio.Task[None] | None = None

    async def create(self, told: Iterable[ev.ChildrenSpawned]) -> None:
        """Create the children that these events decided on, all at once, so that they share batches."""
        state, moment = self._course.hold.state, self._course.hold.moment()
        made = [first for spawned in told for first in family.child_events(spawned, state, moment)]
        await asyncio.gather(*(self._patiently(partial(self._begin, first)) for first in made))

    async def _begin(self, first: ev.Submitted) -> bool:
        return await kin.begin(self._events, self._permit, first, self._course.hold.moment())

    def look_after(self) -> None:
        """See to it that all children there should be are there: an earlier claim may have ended too soon for that."""
        here = self._course.hold.log
        if here.execution.undoing or not family.in_doubt(here):
            return
        if any(group.open() for group in here.execution.groups.values()):
            self._course.busy()
            self._looking = self._course.loop.create_task(self._look_at_all())

    async def _look_at_all(self) -> None:
        try:
            state = self._course.hold.state
            looks = [
                self._a_few(partial(self._look, name, index))
                for name, group in state.groups.items()
                for index in group.open()
            ]
            found = await asyncio.gather(*looks, return_exceptions=True)
            for wrong in found:
                if isinstance(wrong, OnwardError):
                    log.error("a child of execution %s cannot be looked after: %s", state.id, wrong)
                elif isinstance(wrong, BaseException):
                    raise wrong
            ends = [end for end in found if isinstance(end, ev.ChildEnd)]
            for first in range(0, len(ends), family.MOST_ENDS):
                some = ends[first : first + family.MOST_ENDS]
                moment = self._course.hold.moment()
                await self._course.decide(partial(family.children_done, ends=some, moment=moment))
        except Interrupted:
            pass  # so is the code; whoever claims next looks again
        finally:
            self._course.idle()

    async def _look(self, name: str, index: int) -> ev.ChildEnd | None:
        """One child that should be there; its end, where it has ended and nobody has told us."""
        state, moment = self._course.hold.state, self._course.hold.moment()
        group = state.groups[name]
        child_id = ids.child_id(state.id, name, group.born, index)
        child = await self._events.read(state.project, child_id)
        if child is None:
            told = [item.event for item in self._course.hold.log.stored]
            spawned = family.spawn_of(told, name, group.born, index)
            if spawned is None:
                return await self._look_for_purged(name, index, child_id)
            if await self._begin(family.first_event(spawned, state, index, moment)):
                return None
            child = await self._events.read(state.project, child_id)
        if child is None:
            raise Unavailable(f"child {child_id} was created just now")
        child = await kin.revive(self._events, child, state, moment, permit=self._permit)
        return family.child_end(child.stored[-1].event) if child.execution.final else None

    async def _look_for_purged(self, name: str, index: int, child_id: str) -> ev.ChildEnd | None:
        """A child whose creation may be older than the horizon: Postgres knows it, or it never was (PROTOCOL T3)."""
        state, moment = self._course.hold.state, self._course.hold.moment()
        found = await recall(self._messages, state.project, child_id)
        if found is None:
            told = await recall_events(self._messages, state.project, state.id)
            spawned = family.spawn_of(told, name, state.groups[name].born, index)
            if spawned is not None:
                await self._begin(family.first_event(spawned, state, index, moment))
            return None
        if not family.revived(found.execution, state, moment):
            told = await recall_events(self._messages, state.project, child_id)
            return family.child_end(told[-1]) if found.execution.final else None
        await self._bring_back(child_id, found)
        return None

    async def _bring_back(self, child_id: str, found: Recalled) -> None:
        """Another life for a child whose log is purged: its state comes back with it (PROTOCOL T2)."""
        state, moment = self._course.hold.state, self._course.hold.moment()
        told = await recall_events(self._messages, state.project, child_id)
        carried = carry(Log.of(Stored(event.n, event) for event in told).execution, told, moment)
        back = Log.of(Stored(event.n, event) for event in carried).execution
        events = (*carried, *family.revived(back, state, moment, await self._permit(back)))
        decision = Decision(project=state.project, execution_id=child_id, expected=0, events=events)
        try:
            await self._events.append(decision)
        except FenceLost as lost:
            # The tail of its log is left; Postgres has to know all of it before anything goes on top.
            if found.position < lost.floor or await self._events.read(state.project, child_id) is not None:
                raise Unavailable(f"the log of child {child_id} is being brought back") from lost
            await self._events.append(msgspec.structs.replace(decision, expected=lost.floor))

    async def output(self, child_id: str) -> msgspec.Raw:
        """What a child returned, from its log, or from Postgres."""
        project = self._course.hold.state.project

        async def read() -> msgspec.Raw:
            child = await self._events.read(project, child_id)
            state = None if child is None else child.execution
            if state is None and (found := await recall(self._messages, project, child_id)) is not None:
                state = found.execution
            if state is None or state.output is None:
                raise ValueLost(f"the result of child {child_id} cannot be found")
            return await self._values.whole(project, child_id, state.output)

        return await self._patiently(read)

    async def stop(self, child_ids: Iterable[str]) -> None:
        """Cancel children that are not wanted any more."""
        moment, project = self._course.hold.moment(), self._course.hold.state.project

        async def stop(child_id: str) -> None:
            child = await self._events.read(project, child_id)
            if child is not None:
                await kin.stop(self._events, self._messages, child, moment, "not_wanted")

        await asyncio.gather(*(self._a_few(partial(stop, child_id)) for child_id in child_ids))

    async def _a_few(self, act: Callable[[], Awaitable[T]]) -> T:
        async with self._few:
            return await self._patiently(act)

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it, again and again while something it needs is away, until the attempt is to stop."""
        pause = FIRST_PAUSE
        while True:
            try:
                return await act()
            except Unavailable:
                self._course.check_open()
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
