"""An execution as its events have made it: status, reason, and all that a reader may ask."""

from datetime import datetime
from enum import StrEnum

import msgspec

from onward.contract.events import NOTHING, Failure, RawOrNone, TimeoutPolicy
from onward.contract.retry import RetryPolicy


class Status(StrEnum):
    """The five of the seed page. What moves an execution on is in lifecycle.TRANSITIONS."""

    PENDING = "pending"
    """Waits for a worker; a claim, a cancel or the queue-wait limit moves it on."""
    RUNNING = "running"
    """A worker holds it, or it waits for a time, a person or a recovery with its checkpoints kept."""
    COMPLETED = "completed"
    """Ended well, for ever."""
    FAILED = "failed"
    """Ended badly; only an explicit retry leaves it."""
    CANCELLED = "cancelled"
    """Stopped; only an explicit retry leaves it."""


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class Wait(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a task waits for: a time or an answer."""

    kind: str
    """`sleep` or `question`."""
    until: datetime | None = None
    done: bool = False
    text: str | None = None
    choices: tuple[str, ...] = ()
    schema: RawOrNone = None
    answer: RawOrNone = None
    answered_by: str | None = None
    asked_at: datetime | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a task says it is."""

    fraction: float | None = None
    message: str | None = None


class Execution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state folded from a log up to and including event `n`. Nothing in here needs a clock."""

    id: str
    project: str
    n: int
    status: Status
    reason: str | None
    ready: bool
    """Whether a hint may be claimed now: queued, answered, recovered, released."""
    task: str
    queue: str
    route: str
    routes: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    input: msgspec.Raw = NOTHING
    task_id: str | None = None
    environment: str | None = None
    priority: int = 5
    labels: dict[str, str] = {}
    retry: RetryPolicy = RetryPolicy()
    timeouts: TimeoutPolicy = TimeoutPolicy()
    source: str = "api"
    submitted_by: str | None = None
    fingerprint: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    retried_from: str | None = None
    agent_id: str | None = None
    team_id: str | None = None
    attempt: int = 0
    failures: int = 0
    """Failed attempts of this life: what the retry policy counts."""
    recoveries: int = 0
    """Recoveries since the last checkpoint: what makes a poison (PROTOCOL H2)."""
    lives: int = 1
    resumes: bool = False
    """Whether the next claim goes on with the same attempt: after a wait or a hand-back."""
    fresh_from: int = 0
    """Checkpoints of events up to this n are forgotten (a retry from the start)."""
    worker_id: str | None = None
    connection: str | None = None
    work_sequence: int | None = None
    ack_subject: str | None = None
    ready_by: int = 0
    """The n of the event that made it ready: hints of earlier events are not claimed from (PROTOCOL H1)."""
    asked_due: int | None = None
    """The n of the event whose timer is awaited."""
    due: datetime | None = None
    cancelling: bool = False
    cancel_because: str | None = None
    """The reason given by whoever asked for the cancel."""
    waits: dict[str, Wait] = {}
    progress: Progress | None = None
    output: RawOrNone = None
    error: Failure | None = None
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    trace: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the outcome stands."""
        return self.status in ENDED

    @property
    def held(self) -> bool:
        """Whether some worker holds it, dead or alive."""
        return self.worker_id is not None
