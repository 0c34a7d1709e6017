"""Reads the log of one execution line by line, over as many connections as that takes: no gap, no duplicate."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

from onward.client.outcome import has_ended
from onward.client.problem import ApiProblem, Unreachable
from onward.client.wire import BUSY, NeverSent, Wire
from onward.process.backoff import full_jitter

NDJSON = "application/x-ndjson"
QUIET = 60.0
"""Seconds without a byte after which a stream is taken for dead; reading goes on from the last line on a new one."""
ENDURANCE = 60.0
"""Seconds without any progress after which a lost server is given up."""
HEALTHY = 5.0
"""Seconds that a stream must have lived to count as progress, even if nothing was logged meanwhile."""
PAUSE = 0.3
"""Seconds before a stream that ended, while its execution has not, is opened again."""
_LOST = (OSError, http.client.HTTPException, NeverSent, ValueError)


class LogReader:
    """Iterates over the lines after `after`; `last` is the number of the newest line seen.

    `only` holds the filters of `GET …/logs`: `tail`, `level`, `grep`.
    """

    def __init__(
        self,
        wire: Wire,
        path: str,
        *,
        after: int = 0,
        follow: bool = False,
        only: dict[str, Any] | None = None,
    ) -> None:
        self.last = after
        self.whole = False
        """Whether the server said that the execution has ended, and that no line is left."""
        self._wire = wire
        self._path = path
        self._follow = follow
        self._only = {name: value for name, value in (only or {}).items() if value is not None}
        self._begun = False
        self._opened_at: float | None = None
        self._suspect = False
        """Whether the stream was cut on account of a missing line; seen twice, the line is really gone."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yields lines until the server says that there are no more."""
        patience = ENDURANCE if self._follow else self._wire.patience
        failures, given_up_at = 0, self._wire.clock() + patience
        while True:
            before = self.last
            try:
                yield from self._read_once()
                return
            except _LOST as lost:
                if self.last > before or self._lived() > HEALTHY:
                    failures, given_up_at = 0, self._wire.clock() + patience
                failures += 1
                wait = full_jitter(failures, first=0.2, cap=2.0)
                if self._wire.clock() + wait > given_up_at:
                    raise Unreachable(
                        f"the log of {self._wire.url} cannot be read: {lost}",
                        fix=f"go on later after line {self.last}",
                    ) from lost
                self._wire.pause(wait)

    def _lived(self) -> float:
        return 0.0 if self._opened_at is None else self._wire.clock() - self._opened_at

    def _read_once(self) -> Iterator[dict[str, Any]]:
        self._opened_at = None
        query = {**self._only, "after": self.last or None, "follow": self._follow or None}
        if self._begun:
            query.pop("tail", None)
        with self._wire.stream(self._path, query=query, accept=NDJSON, timeout=QUIET) as response:
            if response.status in BUSY:
                raise http.client.HTTPException(f"the server answered {response.status}")
            if response.status != 200:
                raise ApiProblem.of(response.status, response.read())
            self._opened_at = self._wire.clock()
            for raw in whole_lines(response):
                record = json.loads(raw)
                if "line" not in record:
                    self._heed(record)
                elif self._is_next(int(record["line"])):
                    self.last, self._begun = int(record["line"]), True
                    yield record

    def _heed(self, record: dict[str, Any]) -> None:
        """What is no line tells how the stream ends: with the log, or before it."""
        if record.get("end") is False:
            raise http.client.HTTPException(f"cut off: {record['error']['detail']}")
        self.whole = bool(record.get("end"))

    def _is_next(self, number: int) -> bool:
        if number <= self.last:
            return False
        unfiltered = not self._only.keys() & {"level", "grep"} and (self._begun or "tail" not in self._only)
        if unfiltered and number != self.last + 1 and not self._suspect:
            self._suspect = True
            raise http.client.HTTPException(f"line {self.last + 1} is missing")
        self._suspect = False
        return True


class Following:
    """The lines of an execution that may still run; when they end, `execution` is how it ended."""

    def __init__(
        self,
        wire: Wire,
        path: str,
        look: Callable[[], dict[str, Any]],
        *,
        after: int = 0,
        only: dict[str, Any] | None = None,
    ) -> None:
        self.execution: dict[str, Any] | None = None
        self._wire = wire
        self._path = path
        self._look = look
        self._only = dict(only or {})
        self._reader = self._open(after, follow=True)

    @property
    def last(self) -> int:
        """The number of the newest line seen: where another reader goes on."""
        return self._reader.last

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yields lines until the outcome stands and no line is left."""
        while self.execution is None:
            yield from self._reader
            whole = self._reader.whole
            execution = self._patiently()
            if self.last:
                self._only.pop("tail", None)
            if not whole:
                # The last lines may have come between the end of the stream and that look.
                self._reader = self._open(self.last, follow=False)
                yield from self._reader
            if has_ended(execution):
                self.execution = execution
                return
            self._wire.pause(PAUSE)
            self._reader = self._open(self.last, follow=True)

    def _patiently(self) -> dict[str, Any]:
        """The execution: who follows it outlives a server that is away for a while."""
        failures, given_up_at = 0, self._wire.clock() + ENDURANCE
        while True:
            try:
                return self._look()
            except Unreachable:
                failures += 1
                wait = full_jitter(failures, first=0.2, cap=2.0)
                if self._wire.clock() + wait > given_up_at:
                    raise
                self._wire.pause(wait)

    def _open(self, after: int, *, follow: bool) -> LogReader:
        return LogReader(self._wire, self._path, after=after, follow=follow, only=self._only)


def whole_lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yields what is complete: the rest of a cut stream is read again on the next one."""
    rest = b""
    while piece := response.read1(65_536):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        raise http.client.IncompleteRead(rest)
