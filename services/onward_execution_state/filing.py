"""Where rows lie: by the class of retention of their execution, then by month. Pure, and the same in any order."""

import functools
from datetime import date, datetime
from typing import NamedTuple

from onward.contract.execution import Execution
from onward.contract.retention import DEFAULT, month_of


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


# The same object for the same place: compared in no time.
@functools.lru_cache(maxsize=1000)
def _place(retention: str, month: date) -> Place:
    return Place(retention, month)
