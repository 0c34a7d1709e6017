"""Puts hints into WORK itself while its source is silent, as after the loss of a leader (PROTOCOL H5)."""

import logging
from datetime import datetime

from onward.bus import streams
from onward.bus.connection import Connection
from onward.bus.ports import EventLog, Raw
from onward.contract import events as ev
from onward.contract import subjects
from onward.process.metrics import Metrics

log = logging.getLogger(__name__)

SILENT_SECONDS = 2.0
_PAGE = 500
_WAKE = b'"wake":'


class DirectHints:
    """A loop's work; a hint too many costs a look at the log, a missing one strands an execution."""

    def __init__(self, connection: Connection, events: EventLog, metrics: Metrics) -> None:
        self._connection = connection
        self._events = events
        self._fed_to: int | None = None
        """The EVENTS sequence up to which WORK is known to have every hint, by its source or by us."""
        self._silent = False
        self._given = metrics.counter("onward_direct_hints_total", "Hints given past a silent source of WORK")

    async def run_once(self, now: datetime) -> int:
        """How many hints were given; 0 as long as the source speaks."""
        del now
        # Looked up before the source is asked, so that the source's answer is about at least this much.
        last = (await streams.state(self._connection)).last_sequence
        source = (await streams.work_source_lag(self._connection)).get(subjects.EVENTS)
        silent = source is None or source.silent_for is None or source.silent_for > SILENT_SECONDS
        self._tell(silent=silent)
        if not silent:
            if source is not None and source.lag == 0:
                self._fed_to = last
            return 0
        return await self._give(self._fed_to if self._fed_to is not None else last)

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

    def _tell(self, *, silent: bool) -> None:
        if silent != self._silent:
            log.warning("the source of WORK is %s", "silent: hints are given directly" if silent else "back")
        self._silent = silent
