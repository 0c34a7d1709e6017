"""The ends of executions as rows: one for each terminal event. Pure, and the same in any order of batches."""

from datetime import datetime

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Execution
from onward.contract.fingerprint import fingerprint_of

_TERMINAL = (ev.Completed, ev.Failed, ev.Cancelled)
_MESSAGE = 500


class EndRow(msgspec.Struct, frozen=True, kw_only=True):
    """How one life ended, and what is counted by. It never changes: a retry adds another life, with an end of its own.

    An execution held for repair has ended a life as failed; its repair begins the next one.
    """

    execution_id: str
    n: int
    project: str
    at: datetime
    outcome: str
    reason: str | None
    task: str
    queue: str
    environment: str | None
    agent_id: str | None
    team_id: str | None
    version: str | None
    wait_ms: float | None
    """From when this life could begin to its first claim; none where nobody claimed it."""
    duration_ms: float | None
    """From its first claim to its end, waits included."""
    fingerprint: str | None
    error_type: str | None
    error_message: str | None


def end_of(state: Execution, event: ev.AnyEvent) -> EndRow | None:
    """The end that `event` has made of `state`, the execution after it; None for an event that ends nothing."""
    if not isinstance(event, _TERMINAL):
        return None
    began = state.first_started_at if state.lives == 1 else state.life_started_at
    error = event.error if isinstance(event, ev.Failed) else None
    return EndRow(
        execution_id=state.id, n=event.n, project=state.project, at=event.at, outcome=state.status.value,
        reason=state.reason, task=state.task, queue=state.queue, environment=state.environment,
        agent_id=state.agent_id, team_id=state.team_id, version=state.task_version,
        wait_ms=_ms(state.life_from, began), duration_ms=_ms(began, event.at),
        fingerprint=fingerprint_of(error) if error else None, error_type=error.type if error else None,
        error_message=error.message[:_MESSAGE] if error else None,
    )  # fmt: skip


def _ms(start: datetime | None, end: datetime | None) -> float | None:
    # Each process has a clock of its own: a moment before its cause is the same moment.
    return None if start is None or end is None else max(0.0, (end - start).total_seconds() * 1000)
