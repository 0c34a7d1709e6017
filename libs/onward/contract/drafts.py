"""Planned executions: what a draft holds, and what its dependencies mean for it."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from onward.contract import ids
from onward.contract.events import RawOrNone, TimeoutPolicy
from onward.contract.resource import Resource
from onward.contract.retry import RetryPolicy
from onward.contract.submission import Submission

MOST_DEPENDENCIES = 32
OnFailed = Literal["cancel", "run"]
Standing = Literal["open", "completed", "failed"]
"""Of a dependency: `failed` is also one that was cancelled, rejected, or is not there."""


class DraftSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """An execution that is planned. Approved, it is submitted once all it depends on has completed."""

    KIND: ClassVar[str] = "draft"

    title: str | None = None
    notes: str | None = None
    task: str | None = None
    agent: str | None = None
    team: str | None = None
    input: RawOrNone = None
    run_at: datetime | None = None
    """When it is planned for; without it, or afterwards, it may start at once."""
    queue: str | None = None
    environment: str | None = None
    priority: int | None = None
    labels: dict[str, str] = {}
    retry: RetryPolicy | None = None
    timeouts: TimeoutPolicy | None = None
    then: RawOrNone = None
    """JSON of a `then`, as a submission has it."""
    depends_on: list[str] = []
    """Names of drafts, or ids of executions, that must have completed first."""
    on_failed_dependency: str = "cancel"
    """`cancel` or `run`: what one that fails, is cancelled or rejected does to this one."""
    state: str = "planned"
    """`planned`, `approved`, `submitted`, `rejected`, or `cancelled`: it could not be submitted."""
    execution_id: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    because: str | None = None


KEPT = ("state", "execution_id", "decided_by", "decided_at", "because")


def execution_of(project: str, draft: DraftSpec) -> str:
    """The id of a draft's execution: whoever approves it, and how often, it is the same one."""
    return ids.draft_id(project, draft.name, str(draft.created_at))


def submission(draft: DraftSpec) -> Submission:
    """What is submitted for it. Raises msgspec.ValidationError where a newer release wrote it."""
    asked = {
        name: getattr(draft, name)
        for name in ("task", "agent", "team", "input", "run_at", "queue", "environment", "priority", "labels", "retry",
                     "timeouts", "then")
        if getattr(draft, name) is not None
    }  # fmt: skip
    return msgspec.json.decode(msgspec.json.encode(asked), type=Submission)


def waits_for(draft: DraftSpec, standing: Mapping[str, Standing]) -> list[str]:
    """The dependencies that are still open."""
    return [one for one in draft.depends_on if standing[one] == "open"]


def hindered_by(draft: DraftSpec, standing: Mapping[str, Standing]) -> str | None:
    """The dependency because of which it is not going to run."""
    failed = (one for one in draft.depends_on if standing[one] == "failed")
    return next(failed, None) if draft.on_failed_dependency == "cancel" else None


def circle(name: str, depends_on: Iterable[str], of: Callable[[str], Iterable[str]]) -> list[str] | None:
    """The way along which a draft depends on itself; `of` tells what another draft depends on."""
    ways = [[name, one] for one in depends_on]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        if way[-1] == name:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [[*way, one] for one in of(way[-1])]
    return None
