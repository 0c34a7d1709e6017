"""Reads what happens in a project, over as many connections as that takes: nothing lost, nothing twice."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

from onward.client.logs import ENDURANCE, HEALTHY, NDJSON, QUIET, whole_lines
from onward.client.problem import ApiProblem, Unreachable
from onward.client.wire import BUSY, NeverSent, Wire
from onward.process.backoff import full_jitter

PATH = "/api/v1/events"
_LOST = (OSError, http.client.HTTPException, NeverSent, ValueError)


class EventReader:
    """Iterates over events behind `after`; `position` is where another reader goes on.

    `only` holds the filters of `GET /events`: `type`, `status`, `task`, `queue`, `agent_id`, `label` and so on.
    """

    def __init__(
        self, wire: Wire, *, after: int | None = None, follow: bool = True, only: dict[str, Any] | None = None
    ) -> None:
        self.position = after
        self._wire, self._follow = wire, follow
        self._only = {name: value for name, value in (only or {}).items() if value}
        self._opened_at: float | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yields events; while it follows, until it is left. Raises ApiProblem where what came meanwhile is gone."""
        failures, given_up_at = 0, self._wire.clock() + ENDURANCE
        while True:
            before = self.position
            try:
                yield from self._read_once()
                if not self._follow:
                    return
                failures, given_up_at = 0, self._wire.clock() + ENDURANCE
                self._wire.pause(0.1)
            except _LOST as lost:
                if self.position != before or self._lived() > HEALTHY:
                    failures, given_up_at = 0, self._wire.clock() + ENDURANCE
                failures += 1
                wait = full_jitter(failures, first=0.2, cap=2.0)
                if self._wire.clock() + wait > given_up_at:
                    raise Unreachable(
                        f"the events of {self._wire.url} cannot be read: {lost}",
                        fix=f"go on later after position {self.position}",
                    ) from lost
                self._wire.pause(wait)

    def _lived(self) -> float:
        return 0.0 if self._opened_at is None else self._wire.clock() - self._opened_at

    def _read_once(self) -> Iterator[dict[str, Any]]:
        self._opened_at = None
        query = {**self._only, "after": self.position, "follow": self._follow or None}
        with self._wire.stream(PATH, query=query, accept=NDJSON, timeout=QUIET) as response:
            if response.status in BUSY:
                raise http.client.HTTPException(f"the server answered {response.status}")
            if response.status != 200:
                raise ApiProblem.of(response.status, response.read())
            self._opened_at = self._wire.clock()
            begins = response.headers.get("onward-position", "")
            if self.position is None and begins.isdigit():
                self.position = int(begins)
            for raw in whole_lines(response):
                record = json.loads(raw)
                self.position = int(record["position"])
                if "error" in record:
                    raise http.client.HTTPException(f"cut off: {record['error']['detail']}")
                if "type" in record:
                    yield record
