"""Events that begin, move and end the lives of an execution."""

from datetime import datetime

import msgspec

from onward.contract.events.agents import AgentSnapshot
from onward.contract.events.envelope import ChildOf, Event, Failure, RawOrNone, TimeoutPolicy, nothing
from onward.contract.events.triggers import Trigger, Triggered, TriggeredBy
from onward.contract.limit import LimitPolicy
from onward.contract.retry import RetryPolicy


class Submitted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="submitted"):
    """The execution exists. With `due` it is delayed and no wake."""

    task: str
    queue: str
    input: msgspec.Raw = msgspec.field(default_factory=nothing)
    task_id: str | None = None
    environment: str | None = None
    priority: int = 5
    labels: dict[str, str] = {}
    retry: RetryPolicy = RetryPolicy()
    timeouts: TimeoutPolicy = TimeoutPolicy()
    source: str = "api"
    origin: str | None = None
    """The name of the schedule or webhook that it comes from."""
    scheduled_at: datetime | None = None
    """The tick of its schedule."""
    fingerprint: str | None = None
    """Hash of the request, where an idempotency key was given: same key, other body is refused."""
    parent_id: str | None = None
    root_id: str | None = None
    retried_from: str | None = None
    agent_id: str | None = None
    team_id: str | None = None
    child_of: ChildOf | None = None
    on_exhausted: str = "fail"
    """What happens when the last attempt has failed: `fail`, `hold` for repair, or `ask` a person."""
    agent: AgentSnapshot | None = None
    then: tuple[Trigger, ...] = ()
    """What is submitted when it has ended."""
    triggered_by: TriggeredBy | None = None
    limits: tuple[LimitPolicy, ...] = ()
    """With limits its route is that of the gate, until it is admitted."""
    retention: str = "default"
    """The class by which it is kept after its end: short, default, long or hold."""


class Started(Event, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    """A worker claimed the execution; names the hint it claimed from (PROTOCOL H1)."""

    attempt: int
    worker_id: str
    connection: str
    work_sequence: int
    ack_subject: str
    fired: int | None = None
    """The `n` of the event whose timer fired."""
    version: str | None = None
    """Of the task's code, as its worker announces it."""


class AttemptFailed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="attempt_failed"):
    """An attempt failed and another one starts at `due`."""

    attempt: int
    error: Failure
    gives_back: tuple[str, ...] = ()
    """Keys of limits that it lets go of until it goes on."""


class Recovered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="recovered"):
    """The worker that held the execution is gone; a wake."""

    attempt: int
    worker_id: str
    because: str = "owner_silent"


class Released(Event, frozen=True, kw_only=True, omit_defaults=True, tag="released"):
    """A draining worker handed the execution back; a wake, and no fault of the task."""

    attempt: int
    worker_id: str


class CancelRequested(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cancel_requested"):
    """Somebody asked to stop a held execution; a wake, so that a dead owner's cancel is finished (PROTOCOL C1)."""

    because: str | None = None


class Compensating(Event, frozen=True, kw_only=True, omit_defaults=True, tag="compensating"):
    """It is going to fail, and steps that were done have an `undo`: those run first, the latest first."""

    reason: str
    error: Failure


class Paused(Event, frozen=True, kw_only=True, omit_defaults=True, tag="paused"):
    """Somebody paused it: what runs goes on to the end of its steps, then the worker lets go."""

    because: str | None = None


class Resumed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="resumed"):
    """The pause is over; a wake where there is something to run, else `due` is set again."""


class Amended(Event, frozen=True, kw_only=True, omit_defaults=True, tag="amended"):
    """Its limits or labels were changed while it lives; the owner hears of it."""

    timeouts: TimeoutPolicy
    labels: dict[str, str] | None = None
    """All of them, where they were changed."""


class Completed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="completed"):
    """The execution ended well; `output` is kept for ever."""

    output: msgspec.Raw = msgspec.field(default_factory=nothing)
    child_of: ChildOf | None = None
    orphans: int = 0
    """How many of its own children still run, and end with it."""
    then: tuple[Triggered, ...] = ()
    """What this end means for each of its triggers."""
    gives_back: tuple[str, ...] = ()
    """Keys of limits that it holds no more."""


class Failed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """The execution ended badly; `reason` is one of error, exhausted, timed_out, poison, policy_denied, held.

    `held` ends no life: parents and those who wait for the outcome go on waiting until it is repaired.
    """

    reason: str
    error: Failure
    child_of: ChildOf | None = None
    orphans: int = 0
    """How many of its own children still run, and end with it."""
    then: tuple[Triggered, ...] = ()
    """What this end means for each of its triggers."""
    gives_back: tuple[str, ...] = ()
    """Keys of limits that it holds no more."""


class Cancelled(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cancelled"):
    """The execution was stopped before its end."""

    because: str | None = None
    child_of: ChildOf | None = None
    orphans: int = 0
    """How many of its own children still run, and end with it."""
    then: tuple[Triggered, ...] = ()
    """What this end means for each of its triggers."""
    gives_back: tuple[str, ...] = ()
    """Keys of limits that it holds no more."""


class RetryRequested(Event, frozen=True, kw_only=True, omit_defaults=True, tag="retry_requested"):
    """A failed or cancelled execution gets another life; a wake.

    `fresh` forgets its checkpoints and waits, `forget_from` only those of events with this n and later. `input`, where
    there is one, replaces the input. `life` is the parent's, where a new life of the parent asked.
    """

    fresh: bool = False
    forget_from: int | None = None
    input: RawOrNone = None
    life: int | None = None
