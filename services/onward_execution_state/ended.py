"""The ends of executions as rows: one for each terminal event. Pure, and the same in any order of batches."""

import functools
import hashlib
from datetime import datetime
from typing import NamedTuple

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Execution
from onward.contract.fingerprint import fingerprint_of

_TERMINAL = (ev.Completed, ev.Failed, ev.Cancelled)


class Kind(NamedTuple):
    """What ends are counted by, beside their outcome."""

    project: str
    task: str | None
    queue: str | None
    environment: str | None
    agent_id: str | None
    team_id: str | None
    version: str | None


class EndRow(msgspec.Struct, frozen=True):
    """How one life ended. It never changes: a retry adds another life, with an end of its own.

    An execution held for repair has ended a life as failed; its repair begins the next one.
    """

    execution_id: str
    n: int
    at: datetime
    kind: Kind
    outcome: str
    wait_ms: float | None
    """From when this life could begin to its first claim; none where nobody claimed it."""
    duration_ms: float | None
    """From its first claim to its end, waits included."""
    fingerprint: str | None


def end_of(state: Execution, event: ev.AnyEvent) -> EndRow | None:
    """The end that `event` has made of `state`, the execution after it; None for an event that ends nothing."""
    if not isinstance(event, _TERMINAL):
        return None
    began = state.first_started_at if state.lives == 1 else state.life_started_at
    kind = Kind(
        state.project, state.task, state.queue, state.environment, state.agent_id, state.team_id, state.task_version
    )  # fmt: skip
    return EndRow(
        state.id, event.n, event.at, kind, state.status.value, _ms(state.life_from, began), _ms(began, event.at),
        fingerprint_of(event.error) if isinstance(event, ev.Failed) else None,
    )  # fmt: skip


@functools.lru_cache(maxsize=10_000)
def number_of(kind: Kind, margin: str | None = None) -> int:
    """The number that stands for a kind, or for the sum of all that share what is left of it: the same everywhere."""
    told = msgspec.json.encode((kind, margin))
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big", signed=True)


def _ms(start: datetime | None, end: datetime | None) -> float | None:
    # Each process has a clock of its own: a moment before its cause is the same moment.
    return None if start is None or end is None else max(0.0, (end - start).total_seconds() * 1000)
