"""One command for every execution that a filter finds: what is asked and shown, and the decision about each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from onward.contract import commands, moving
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import Conflict
from onward.contract.execution import Execution
from onward.contract.log import Log

PATH = "/api/v1/bulk-operations"
MOST = 100_000
"""Executions of one operation: more take several, by `since` and `until`."""

Action = Literal["cancel", "retry", "pause", "resume", "move", "reprioritise"]


class BulkCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Do something to every execution that the filter finds now. `filter` takes what the list takes, by the same names.

    An empty filter means every execution, and has to be confirmed with `all`. With `dry_run` nothing is done.
    """

    action: Action
    filter: dict[str, Any] = {}
    all: bool = False
    dry_run: bool = False
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    from_start: bool = False
    """Of a retry: without the checkpoints."""
    queue: str | None = None
    """Of a move: where to."""
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] | None = None
    """Of a reprioritise: the new one."""
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


class BulkPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation would find now."""

    action: str
    matched: int
    most: int = MOST
    """How many one operation takes."""


class BulkView(msgspec.Struct, frozen=True, kw_only=True):
    """An operation: `running`, `aborting`, `completed` or `aborted`."""

    id: str
    action: str
    filter: dict[str, Any]
    reason: str | None
    status: str
    submitted_by: str | None
    total: int
    done: int
    skipped: int
    """Those that it no longer fitted, or that were so before."""
    failed: int
    created_at: datetime
    completed_at: datetime | None
    links: dict[str, str]


class BulkItem(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of an operation: `done`, `skipped` or `failed`; null while it is still to be done."""

    execution_id: str
    outcome: str | None
    detail: str | None
    """Why it was skipped, or failed."""
    at: datetime | None


class Skip(Exception):
    """There is nothing to do to this execution; its message says why."""


def actor_of(actor: str | None, operation_id: str) -> str:
    """Who stands in the events: the one who asked, and the operation."""
    return f"{actor or 'somebody'} (bulk {operation_id})"


def decide(
    log: Log, moment: Moment, command: BulkCommand, statuses: Sequence[str] = ()
) -> tuple[ev.AnyEvent, ...]:
    """The events that do it to one execution. None where this operation has done it before. Raises Skip."""
    if any(_did(item.event, moment) for item in log.stored):
        return ()
    state = log.execution
    if statuses and state.status.value not in statuses:
        raise Skip(f"it is {state.status.value} now")
    try:
        events = _events(state, moment, command)
    except Conflict as refused:
        raise Skip(str(refused)) from None
    if not events:
        raise Skip(f"nothing to {command.action}: it is {state.reason or state.status.value}")
    return events


def _did(event: ev.AnyEvent, moment: Moment) -> bool:
    # What was purged is carried back under the name of whoever decides next: that is no deed.
    return event.actor == moment.actor and not isinstance(event, ev.Carried)


def _events(state: Execution, moment: Moment, command: BulkCommand) -> tuple[ev.AnyEvent, ...]:
    match command.action:
        case "cancel":
            return commands.cancel(state, moment, command.reason)
        case "pause":
            return commands.pause(state, moment, command.reason)
        case "resume":
            return commands.resume(state, moment)
        case "retry":
            return commands.retry(state, moment, fresh=command.from_start)
        case "move":
            return moving.move(state, moment, queue=command.queue)
        case "reprioritise":
            return moving.move(state, moment, priority=command.priority)
