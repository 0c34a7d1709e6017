"""Where rows lie: by the class of retention of their execution, then by month. Pure, and the same in any order."""

import functools
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from onward.contract.execution import Execution
from onward.contract.retention import DEFAULT, month_of

if TYPE_CHECKING:
    from onward_execution_state.fold import Arrived, Known


class Place(NamedTuple):
    """A partition."""

    retention: str
    month: date


OPEN = Place("open", date(9999, 1, 1))
"""Where executions lie until they end."""


def place_of(state: Execution) -> Place:
    """Where the row of an execution lies: once it has ended, by its last event."""
    return _place(state.retention, month_of(state.updated_at)) if state.completed_at is not None else OPEN


def place_at(state: Execution | None, at: datetime) -> Place:
    """Where a row lies that belongs to an execution, and came to be then. Of one nobody knows yet, among the others."""
    return _place(DEFAULT if state is None else state.retention, month_of(at))


def by_place(arrived: Iterable["Arrived"], states: Mapping[str, Execution]) -> dict[Place, list["Arrived"]]:
    """Events by where they lie; nearly all of a batch lie together."""
    filed: dict[Place, list[Arrived]] = {}
    for item in arrived:
        event = item.event
        filed.setdefault(place_at(states.get(event.execution_id), event.at), []).append(item)
    return filed


def places_for(changed: Collection["Known"]) -> set[Place]:
    """Where the rows of these go, beside their events."""
    needed = set()
    for known in changed:
        if known.state.completed_at is not None:
            needed.add(place_of(known.state))
        if known.questions:
            needed.update(place_at(known.state, row.shown.asked_at) for row in known.questions.values())
        needed.update(place_at(known.state, end.at) for end in known.ends)
    return needed


# The same object for the same place: compared in no time.
@functools.lru_cache(maxsize=1000)
def _place(retention: str, month: date) -> Place:
    return Place(retention, month)
