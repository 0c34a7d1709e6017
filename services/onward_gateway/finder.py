"""Where an execution is found: its log in EVENTS, or Postgres for what was purged. 404 only on proof."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime

from onward.bus.ports import EventLog
from onward.contract import ids
from onward.contract.errors import BrokenLog, Conflict, NotFound
from onward.contract.execution import Execution
from onward.contract.log import Log
from onward_gateway.state import Remembered, State

_REMEMBERED = 20_000
_SETTLED_SECONDS = 2.5
"""A replica, or a leader that was frozen, answers with the past for up to 2 s (tried)."""
_LOOK_SECONDS = 0.05
_PREFIX = re.compile(r"[0-9a-f][0-9a-f-]{3,34}")


class Finder:
    """Finds executions of a project, by their id or by the beginning of one."""

    def __init__(self, events: EventLog, state: State, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._state = state
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()

    def remember(self, project: str, execution_id: str, route: str, sequence: int) -> None:
        """Notes a route and a position that a log has for certain: a read of it is literal, and never too old."""
        self._known[project, execution_id] = (route, sequence)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def resolve(self, project: str, text: str) -> str:
        """The id that `text` is, or is the only beginning of. Raises NotFound, Conflict, Unavailable."""
        if ids.is_execution_id(text):
            return text
        if _PREFIX.fullmatch(text) is None:
            raise NotFound(
                f"{text[:80]!r} is no execution id", fix="an id is a UUID, or its first 4 or more characters"
            )
        own = [known for owner, known in self._known if owner == project and known.startswith(text)]
        found = {*own, *await self._state.prefix(project, text)}
        if len(found) > 1:
            some = ", ".join(sorted(found)[:5])
            raise Conflict(
                f"{len(found)} or more executions begin with {text}: {some}", fix="give more of the id"
            )
        if not found:
            raise NotFound(f"no execution begins with {text}")
        return found.pop()

    async def log(self, project: str, execution_id: str) -> Log | None:
        """What EVENTS holds, where it can be folded; None where it was purged, in part or whole, or never was."""
        route, floor = self._known.get((project, execution_id), (None, 0))
        try:
            return await self._events.read(project, execution_id, route=route, floor=floor)
        except BrokenLog:
            # What is left of a log whose beginning was purged: the whole of it is in Postgres.
            return None

    async def find(self, project: str, execution_id: str) -> Log | Remembered:
        """The execution, from wherever it is. Raises NotFound on proof, Unavailable without one."""
        if (log := await self.log(project, execution_id)) is not None:
            return log
        if (remembered := await self._state.execution(project, execution_id)) is not None:
            return remembered
        # Not in Postgres, then not in EVENTS: in this order it is a proof (PROTOCOL T3), unless a replica that is
        # behind has answered for EVENTS (V1); one that was accepted just now is looked for until none can be.
        while True:
            if (log := await self.log(project, execution_id)) is not None:
                return log
            if _age(execution_id, self._clock()) >= _SETTLED_SECONDS:
                raise NotFound(f"there is no execution {execution_id}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def execution(self, project: str, execution_id: str) -> Execution:
        """Its state now."""
        return (await self.find(project, execution_id)).execution


def _age(execution_id: str, now: datetime) -> float:
    """Seconds since an id was made, as far as it tells: one that was derived from a key tells nothing."""
    if execution_id[14] != "7":
        return _SETTLED_SECONDS
    return abs(now.timestamp() - int(execution_id[:8] + execution_id[9:13], 16) / 1000)
