"""Puts hints into WORK itself while a source of it is silent, as after the loss of a leader (PROTOCOL H5).

After each start of a server, that of TIMERS is silent for ten to twenty seconds (seen, 2.15.1).
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from onward.bus import streams
from onward.bus.connection import Connection
from onward.bus.ports import EventLog, Raw
from onward.bus.streams import SourceLag
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.errors import Unavailable
from onward.process.metrics import Metrics

log = logging.getLogger(__name__)

SILENT_SECONDS = 2.0
SOON = 0.25
"""Seconds between two looks while a source is silent."""
_PAGE = 500
_WAKE = b'"wake":'


class DirectHints:
    """A loop's work; a hint too many costs a look at the log, a missing one strands an execution."""

    def __init__(self, connection: Connection, events: EventLog, metrics: Metrics) -> None:
        self._connection = connection
        self._events = events
        self._fed_to: int | None = None
        """The EVENTS sequence up to which WORK is known to have every hint, by its source or by us."""
        self._fired_to = 0
        """The TIMERS sequence up to which we gave them, since that source was heard of last."""
        self._silent: set[str] = set()
        self.again: Callable[[], None] = lambda: None
        """Called when the next round should not wait its time."""
        self._given = metrics.counter("onward_direct_hints_total", "Hints given past a silent source of WORK")

    async def run_once(self, now: datetime) -> int:
        """How many hints were given; 0 as long as the sources speak."""
        del now
        try:
            given = await self._look()
        except Unavailable as error:
            # No failure to back off from: the first round after an outage matters most.
            log.info("a round is left out: %s", error)
            return 0
        if self._silent:
            asyncio.get_running_loop().call_later(SOON, self.again)
        return given

    async def _look(self) -> int:
        # Looked up before the sources are asked, so that their answer is about at least this much.
        last = (await streams.state(self._connection)).last_sequence
        sources = await streams.work_source_lag(self._connection)
        return await self._wakes(sources.get(subjects.EVENTS), last) + await self._due(
            sources.get(subjects.TIMERS)
        )

    async def _wakes(self, source: SourceLag | None, last: int) -> int:
        if self._speaks(subjects.EVENTS, source):
            if source is not None and source.lag == 0:
                self._fed_to = last
            return 0
        return await self._give(self._fed_to if self._fed_to is not None else last)

    async def _due(self, source: SourceLag | None) -> int:
        if self._speaks(subjects.TIMERS, source):
            self._fired_to = 0
            return 0
        given = 0
        while page := await streams.fired(self._connection, self._fired_to, _PAGE):
            for raw in page:
                await streams.hint_of_fired(self._connection, raw)
                self._fired_to = raw.sequence
            given += len(page)
        self._given.add(given)
        return given

    async def _give(self, after: int) -> int:
        given = 0
        while page := await self._events.scan(after, _PAGE):
            for raw in page:
                given += await self._hint(raw)
                after = self._fed_to = raw.sequence
        self._fed_to = after
        self._given.add(given)
        return given

    async def _hint(self, raw: Raw) -> bool:
        if _WAKE not in raw.data:
            return False
        try:
            event = ev.decode(raw.data)
        except ValueError:
            return False
        if event.wake is None:
            return False
        await streams.hint_directly(self._connection, event, raw.sequence)
        return True

    def _speaks(self, name: str, source: SourceLag | None) -> bool:
        silent = source is None or source.silent_for is None or source.silent_for > SILENT_SECONDS
        if silent != (name in self._silent):
            how = "silent: hints are given directly" if silent else "back"
            log.warning("%s as a source of WORK is %s", name, how)
            self._silent ^= {name}
        return not silent
