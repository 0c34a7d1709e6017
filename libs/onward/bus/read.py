"""Reading EVENTS: literal subjects at once, merged by sequence, not believed below a floor (PROTOCOL V1-V3)."""

import asyncio
import base64
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import msgspec

from onward.bus.api import NOT_FOUND_MESSAGE, Refused, call
from onward.bus.connection import Connection
from onward.bus.live_events import follow_live
from onward.bus.names import check_log
from onward.bus.pages import ask, rest
from onward.bus.ports import Raw
from onward.bus.streams import state
from onward.bus.topology import info
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import Behind, BrokenLog
from onward.contract.lifecycle import fold
from onward.contract.log import Log, Stored, behind_the_last_hole

PATIENCE = 2.0
"""Seconds for which a follower, or an old leader after a pause, may answer with the past (tried)."""

_Good = Callable[[Sequence[Stored]], bool]


class Reader:
    """The reading half of ports.EventLog."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(
        self, project: str, execution_id: str, *, route: str | None = None, floor: int = 0
    ) -> Log | None:
        """See ports.EventLog.read."""
        routes = (route,) if route else ()
        found = await self.tail(project, execution_id, routes, floor=floor, good=_whole)
        if not found or _left_of_an_ended(found):
            # What is left of an ended log after a purge tells nothing; the projection holds all of it.
            return None
        return Log.of(found)

    async def read_on(self, log: Log, *, floor: int = 0) -> Log:
        """See ports.EventLog.read_on."""
        state = log.execution

        def follows(found: Sequence[Stored]) -> bool:
            return _unbroken(found, state.n + 1) or _carried(found)

        routes, after = state.routes, log.sequence
        new = await self.tail(state.project, state.id, routes, after=after, floor=floor, good=follows)
        if not new:
            return log
        if new[0].event.n != state.n + 1:
            # A purge took what lies between; what was carried over it tells all.
            return await self.read(state.project, state.id, route=state.route, floor=new[-1].sequence) or log
        folded = fold((stored.event for stored in new), state)
        return Log(stored=(*log.stored, *new), execution=folded, sequence=new[-1].sequence)

    async def scan(self, after: int, most: int) -> list[Raw]:
        """See ports.EventLog.scan."""
        return (await ask(self._connection, subjects.EVENTS, None, after, most).page()).raws

    async def bounds(self) -> tuple[int, int]:
        """See ports.LiveEvents.bounds."""
        found = await state(self._connection)
        # A stream that never held anything says 0 for both.
        return max(1, found.first_sequence), found.last_sequence

    def live(self, after: int) -> AsyncIterator[Raw]:
        """See ports.LiveEvents.live."""
        return follow_live(self._connection, after)

    async def tail(
        self,
        project: str,
        execution_id: str,
        routes: Iterable[str],
        *,
        after: int = 0,
        floor: int = 0,
        good: _Good = lambda _found: True,
    ) -> list[Stored]:
        """The events of one execution above sequence `after`, up to `floor` at least and `good`.

        Raises Behind where they do not reach the floor within PATIENCE, BrokenLog where they stay no good.
        """
        check_log(project, execution_id)
        end, pause = time.monotonic() + PATIENCE, 0.01
        routes = tuple(routes)
        while True:
            found = await self._literal(project, execution_id, routes, after)
            for look in (self._wildcard, self._leader):
                if _reaches(found, after, floor) and good(found):
                    return found
                if floor and not found and await self._purged(floor):
                    return found
                found = await look(project, execution_id, after)
            if _reaches(found, after, floor) and good(found):
                return found
            if time.monotonic() > end:
                break
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, 0.5)
        if _reaches(found, after, floor):
            missing = ", ".join(str(stored.event.n) for stored in found[:20])
            raise BrokenLog(
                f"the log of {execution_id} has a hole: it holds {missing} after sequence {after}"
            )
        raise Behind(f"a read of {execution_id} does not reach sequence {floor}", retry_after=1)

    async def _literal(
        self, project: str, execution_id: str, routes: tuple[str, ...], after: int
    ) -> list[Stored]:
        """What stands on `.e` and on each wake route known or named on the way (PROTOCOL V3)."""
        found: list[Stored] = []
        seen: set[str] = set()
        todo = {
            subjects.event(project, execution_id),
            *(subjects.event(project, execution_id, r) for r in routes),
        }
        while todo:
            asked = [(subject, ask(self._connection, subjects.EVENTS, subject, after)) for subject in todo]
            seen |= todo
            for subject, page in asked:
                found += [_stored(raw) for raw in await rest(self._connection, page, subject)]
            todo = {
                subjects.event(project, execution_id, route)
                for stored in found
                for route in stored.event.routes
            } - seen
        if not found and not routes:
            return await self._wildcard(project, execution_id, after)
        found.sort(key=lambda stored: stored.sequence)
        return found

    async def _wildcard(self, project: str, execution_id: str, after: int) -> list[Stored]:
        """All there is, slower: for who knows no route, or was told of an event on one that nobody named."""
        subject = subjects.fence(project, execution_id)
        asked = ask(self._connection, subjects.EVENTS, subject, after)
        return [_stored(raw) for raw in await rest(self._connection, asked, subject)]

    async def _leader(self, project: str, execution_id: str, after: int) -> list[Stored]:
        """All there is as the leader has it, one by one."""
        found: list[Stored] = []
        subject = subjects.fence(project, execution_id)
        while True:
            body = {"seq": after + 1, "next_by_subj": subject}
            try:
                message = (await call(self._connection, f"STREAM.MSG.GET.{subjects.EVENTS}", body))["message"]
            except Refused as refused:
                if refused.number == NOT_FOUND_MESSAGE:
                    return found
                raise
            after = message["seq"]
            data = base64.b64decode(message.get("data", ""))
            found.append(_stored(Raw(sequence=after, subject=message["subject"], data=data)))

    async def _purged(self, floor: int) -> bool:
        """Whether retention has removed what stood at `floor`."""
        found = await info(self._connection, subjects.EVENTS)
        return found is not None and int(found["state"]["first_seq"]) > floor


def _stored(raw: Raw) -> Stored:
    try:
        return Stored(raw.sequence, ev.decode(raw.data))
    except msgspec.MsgspecError as error:
        raise BrokenLog(f"event {raw.sequence} on {raw.subject} cannot be read: {error}") from error


def _reaches(found: Sequence[Stored], after: int, floor: int) -> bool:
    return max(after, found[-1].sequence if found else 0) >= floor


def _begins(stored: Stored) -> bool:
    return stored.event.n == 1 or isinstance(stored.event, ev.Carried)


def _left_of_an_ended(found: Sequence[Stored]) -> bool:
    told = _begins(found[0]) or _carried(found)
    return not told and isinstance(found[-1].event, ev.TERMINAL)


def _carried(found: Sequence[Stored]) -> bool:
    """Whether a carried state is among them: then the log can be told from there."""
    return any(isinstance(stored.event, ev.Carried) and stored.event.part == 1 for stored in found)


def _unbroken(found: Sequence[Stored], first: int) -> bool:
    return all(stored.event.n == first + place for place, stored in enumerate(found))


def _whole(found: Sequence[Stored]) -> bool:
    """Whether it is a log from its beginning, or all that a purge left of an ended one."""
    if not found:
        return True
    starts = _begins(found[0]) or _carried(found) or _left_of_an_ended(found)
    if _unbroken(found, found[0].event.n):
        return starts
    # Damage has left a hole; what was carried behind it tells all.
    return _carried(found[behind_the_last_hole(found) :])
