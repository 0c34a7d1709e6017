"""An execution as people and programs read it over REST and the CLI (DESIGN §5)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from onward.contract.events import RawOrNone, TriggeredBy
from onward.contract.execution import Execution, Progress
from onward.contract.fingerprint import fingerprint_of
from onward.contract.triggers import BranchView, shown

PATH = "/api/v1/executions"

View = TypeVar("View", bound="ExecutionView")


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """Why it failed, or why its last attempt did."""

    type: str
    message: str
    stack: str | None
    retryable: bool
    fingerprint: str | None


class WaitView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an execution waits for. What does not belong to its kind is null."""

    kind: str
    """`question`, `event`, `sleep` or `children`."""
    question_id: str | None = None
    text: str | None = None
    choices: list[str] = []
    schema: RawOrNone = None
    to: str | None = None
    """Who is asked: a person's name, or `team:<name>`."""
    asked_at: datetime | None = None
    reminded: int | None = None
    name: str | None = None
    """Of the awaited event, or of the group of children."""
    deadline: datetime | None = None
    """When it is over, whatever comes."""
    default: RawOrNone = None
    """What it comes to then; without one, a TimeoutError."""
    ended: int | None = None
    """Children that have ended."""
    wanted: int | None = None
    """Children that must have ended."""


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """A question as lists show it; null, never omitted."""

    execution_id: str
    question_id: str
    task: str
    status: str
    """`open`, `answered`, `expired`, or `withdrawn`: its execution ended first."""
    text: str
    choices: list[str]
    schema: RawOrNone
    to: str | None
    asked_at: datetime
    deadline: datetime | None
    default: RawOrNone
    remind_every: float | None
    reminded: int
    answer: RawOrNone
    answered_by: str | None
    ended_at: datetime | None


class StallView(msgspec.Struct, frozen=True, kw_only=True):
    """Why it seems to make no progress; it may still come to its end."""

    because: str
    """`quiet`: no event and no log line for a while. `slow`: it runs longer than 99 of 100 of its task did."""
    since: datetime
    """Its last sign of life, or when it had run as long as those."""


class ChildrenView(msgspec.Struct, frozen=True, kw_only=True):
    """The children that it has decided on, as far as it has heard of them."""

    total: int
    completed: int
    failed: int
    """Cancelled ones included."""
    open: int


class TimeoutsView(msgspec.Struct, frozen=True, kw_only=True):
    """Its limits in seconds; null is none."""

    queue: float | None
    attempt: float | None
    execution: float | None
    heartbeat: float | None


class ExecutionView(msgspec.Struct, frozen=True, kw_only=True):
    """One execution in JSON: times RFC 3339 UTC, durations in ms; null, never omitted."""

    id: str
    task: str
    task_id: str | None
    parent_id: str | None
    root_id: str | None
    retried_from: str | None
    agent_id: str | None
    agent_version: int | None
    """Which version of its agent it was submitted with."""
    team_id: str | None
    environment: str | None
    queue: str
    priority: int
    labels: dict[str, str]
    source: str
    origin: str | None
    """The schedule or webhook that it comes from."""
    scheduled_at: datetime | None
    submitted_by: str | None
    status: str
    reason: str | None
    waiting_on: list[WaitView]
    attempt: int
    max_attempts: int
    worker_id: str | None
    children: ChildrenView | None
    then: list[BranchView]
    triggered_by: TriggeredBy | None
    progress: Progress | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    due_at: datetime | None
    timeouts: TimeoutsView
    queue_wait_ms: float | None
    duration_ms: float | None
    input: msgspec.Raw
    output: RawOrNone
    error: ErrorView | None
    trace_id: str | None
    retention: str
    """The class by which it is kept after its end."""
    task_version: str | None
    """Of the code that runs it, or ran it last, as its worker announced it."""
    stalled: StallView | None
    version: int
    links: dict[str, str]


def view(state: Execution, stalled: StallView | None = None) -> ExecutionView:
    """`state` as it is shown."""
    return view_as(ExecutionView, state, stalled)


def view_as(kind: type[View], state: Execution, stalled: StallView | None = None, **more: Any) -> View:
    """`state` as it is shown in an answer that says `more`."""
    first, end = state.first_started_at, state.completed_at
    here = f"{PATH}/{state.id}"
    same: dict[str, Any] = {
        name: getattr(state, name)
        for name in (
            "id", "task", "task_id", "parent_id", "root_id", "retried_from", "agent_id", "team_id", "environment",
            "queue", "priority", "labels", "source",
            "origin", "scheduled_at", "submitted_by", "reason", "attempt", "worker_id", "progress",
            "created_at", "completed_at", "input", "output", "task_version", "triggered_by",
            "retention",
        )
    }  # fmt: skip
    return kind(
        **same,
        **more,
        status=state.status.value,
        waiting_on=[*_waits(state), *_wanted_children(state)],
        max_attempts=state.retry.attempts,
        started_at=first,
        due_at=None if state.ready else state.due,  # woken, it goes on as soon as a worker takes it
        timeouts=_timeouts(state),
        queue_wait_ms=_ms(state.created_at, first),
        duration_ms=_ms(first, end),
        error=None if state.error is None else ErrorView(
            type=state.error.type, message=state.error.message, stack=state.error.stack,
            retryable=state.error.retryable, fingerprint=fingerprint_of(state.error),
        ),
        trace_id=_trace_id(state.trace),
        stalled=stalled,
        version=state.n,
        children=_children(state),
        then=shown(state),
        agent_version=None if state.agent is None else state.agent.version,
        links=_links(state, here),
    )  # fmt: skip


def _links(state: Execution, here: str) -> dict[str, str]:
    links = {"self": here, "events": f"{here}/events", "logs": f"{here}/logs", "children": f"{here}/children"}
    if state.parent_id is not None:
        links["parent"] = f"{PATH}/{state.parent_id}"
    if state.triggered_by is not None:
        links["triggered_by"] = f"{PATH}/{state.triggered_by.execution_id}"
    if state.retried_from is not None:
        links["retried_from"] = f"{PATH}/{state.retried_from}"
    return {**links, "reruns": f"{PATH}?retried_from={state.id}"}


def _timeouts(state: Execution) -> TimeoutsView:
    limits = state.timeouts
    return TimeoutsView(
        queue=limits.queue, attempt=limits.attempt, execution=limits.execution, heartbeat=limits.heartbeat
    )


def _children(state: Execution) -> ChildrenView | None:
    if not state.groups:
        return None
    groups = state.groups.values()
    total, done, failed = (
        sum(group.spawned for group in groups), sum(group.done for group in groups),
        sum(group.failed for group in groups),
    )  # fmt: skip
    return ChildrenView(total=total, completed=done - failed, failed=failed, open=total - done)


def _waits(state: Execution) -> Iterator[WaitView]:
    for key, wait in state.waits.items():
        if wait.done:
            continue
        match wait.kind:
            case "question":
                yield WaitView(
                    kind=wait.kind, question_id=key, text=wait.text or "", choices=list(wait.choices),
                    schema=wait.schema, to=wait.to, asked_at=wait.asked_at, reminded=wait.reminded,
                    deadline=wait.until, default=wait.default,
                )  # fmt: skip
            case "event":
                yield WaitView(kind=wait.kind, name=wait.event, deadline=wait.until, default=wait.default)
            case _ if wait.until is not None and state.due is not None and wait.until >= state.due:
                # A sleep that is not slept any more is not marked as such: its time has just gone by in memory.
                yield WaitView(kind=wait.kind, deadline=wait.until)


def _wanted_children(state: Execution) -> Iterator[WaitView]:
    for name, wanted in state.wants.items():
        ended = state.groups[name].done if name in state.groups else 0
        yield WaitView(kind="children", name=name, ended=ended, wanted=wanted)


def _ms(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds() * 1000, 3)


def _trace_id(traceparent: str | None) -> str | None:
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) > 1 else None
