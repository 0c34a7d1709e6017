"""An execution as its events have made it: status, reason, and all that a reader may ask."""

from datetime import datetime
from enum import StrEnum

import msgspec

from onward.contract.events import (
    NOTHING,
    AgentSnapshot,
    ChildOf,
    Failure,
    RawOrNone,
    TimeoutPolicy,
    Trigger,
    Triggered,
    TriggeredBy,
)
from onward.contract.limit import LimitPolicy
from onward.contract.retry import RetryPolicy
from onward.contract.subjects import GATE


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
    """One thing a task waits for: a time, an answer, or an event from outside."""

    kind: str
    """`sleep`, `question` or `event`."""
    n: int = 0
    """The n of the event that began it."""
    until: datetime | None = None
    done: bool = False
    expired: bool = False
    """Whether its time ran out: its default is then its `answer`, if it has one."""
    event: str | None = None
    """The name of the awaited event; its value becomes `answer`."""
    text: str | None = None
    choices: tuple[str, ...] = ()
    schema: RawOrNone = None
    answer: RawOrNone = None
    answered_by: str | None = None
    asked_at: datetime | None = None
    to: str | None = None
    default: RawOrNone = None
    remind_every: float | None = None
    reminded: int = 0


class Received(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event from outside that nobody has waited for yet."""

    value: msgspec.Raw
    n: int


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The children of one call, by their place; `ended` and `bad` are bit sets over the places, in hexadecimal.

    So a parent of 10,000 children carries 2.5 KB per set, and knows exactly which of them it has heard of.
    """

    born: int
    """The n of the event that began it: tells it from a forgotten group of the same name."""
    spawned: int = 0
    ended: str = "0"
    """Whose end the parent knows."""
    bad: str = "0"
    """Those of them that did not complete."""
    policy: str = "cancel"

    @property
    def done(self) -> int:
        """How many have ended."""
        return int(self.ended, 16).bit_count()

    def has_ended(self, index: int) -> bool:
        """Whether the parent knows the end of this child."""
        return bool(int(self.ended, 16) >> index & 1)

    @property
    def failed(self) -> int:
        """How many have ended badly."""
        return int(self.bad, 16).bit_count()

    def open(self) -> list[int]:
        """The places of those whose end is not known."""
        unknown = ~int(self.ended, 16) & ((1 << self.spawned) - 1)
        places = []
        while unknown:
            lowest = unknown & -unknown
            places.append(lowest.bit_length() - 1)
            unknown ^= lowest
        return places


class Ending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an execution is going to fail, once its steps are undone."""

    reason: str
    error: Failure


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
    origin: str | None = None
    scheduled_at: datetime | None = None
    submitted_by: str | None = None
    fingerprint: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    retried_from: str | None = None
    agent_id: str | None = None
    team_id: str | None = None
    child_of: ChildOf | None = None
    on_exhausted: str = "fail"
    agent: AgentSnapshot | None = None
    """The agent as it was then; `agent_id` is its name."""
    then: tuple[Trigger, ...] = ()
    """What is submitted when it has ended."""
    triggered: tuple[Triggered, ...] = ()
    """What its ends so far meant for each of these; the newest."""
    triggered_by: TriggeredBy | None = None
    attempt: int = 0
    failures: int = 0
    """Failed attempts of this life: what the retry policy counts."""
    recoveries: int = 0
    """Recoveries since the last checkpoint: what makes a poison (PROTOCOL H2)."""
    lives: int = 1
    life_from: datetime | None = None
    """When this life could begin: what limits are counted from."""
    resumes: bool = False
    """Whether the next claim goes on with the same attempt: after a wait or a hand-back."""
    fresh_from: int = 0
    """Checkpoints of events up to this n are forgotten (a retry from the start)."""
    worker_id: str | None = None
    task_version: str | None = None
    """Of the code that claimed it last."""
    connection: str | None = None
    work_sequence: int | None = None
    ack_subject: str | None = None
    ready_by: int = 0
    """The n of the event that made it ready: hints of earlier events are not claimed from (PROTOCOL H1)."""
    asked_due: int | None = None
    """The n of the event whose timer is awaited."""
    due: datetime | None = None
    deadlines: dict[str, datetime] = {}
    """When it is overdue, by kind: `queue` until its first claim, `execution` until its end."""
    asked_deadlines: dict[str, int] = {}
    """The n of the event whose timer each of them has."""
    paused: bool = False
    paused_from: str | None = None
    """The reason it had before the pause."""
    cancelling: bool = False
    cancel_because: str | None = None
    """The reason given by whoever asked for the cancel."""
    waits: dict[str, Wait] = {}
    inbox: dict[str, tuple[Received, ...]] = {}
    """Events from outside that were not waited for yet, by name, oldest first."""
    received: tuple[str, ...] = ()
    """The senders' keys of the last 256 events from outside: each is taken once."""
    groups: dict[str, Group] = {}
    """Its children, by group."""
    wants: dict[str, int] = {}
    """While it is suspended: how many ended children each group must have for it to go on."""
    tolerates: dict[str, int] = {}
    """While it is suspended: how many children of a group may end badly before it goes on sooner."""
    in_doubt: dict[str, int] = {}
    """Steps that run at most once and have begun: `scope|name|key` → n of their beginning."""
    undoable: dict[str, int] = {}
    """Saved steps that have an `undo`: `scope|name|key` → n of their checkpoint."""
    ending: Ending | None = None
    """Set while steps are undone before it fails."""
    limits: tuple[LimitPolicy, ...] = ()
    """What it has to be admitted by before a worker may claim it."""
    grants: dict[str, int] = {}
    """The keys it holds, each with its epoch: a number that only grows, for whoever fences with it outside."""
    drifted: int = 0
    """How often the code was found changed under it."""
    progress: Progress | None = None
    output: RawOrNone = None
    error: Failure | None = None
    first_started_at: datetime | None = None
    life_started_at: datetime | None = None
    """The first claim of this life, where that is not the first life."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    trace: str | None = None
    retention: str = "default"
    """The class by which it is kept after its end."""

    @property
    def ended(self) -> bool:
        """Whether the outcome stands."""
        return self.status in ENDED

    @property
    def final(self) -> bool:
        """Whether nobody waits any longer: ended, and not merely held for repair."""
        return self.ended and self.reason != "held"

    @property
    def orphans(self) -> int:
        """How many children its end would stop."""
        return sum(group.spawned - group.done for group in self.groups.values() if group.policy == "cancel")

    @property
    def gated(self) -> bool:
        """Whether it waits for its limits: no worker may claim it."""
        return self.route.startswith(f"{GATE}.")

    @property
    def undoing(self) -> bool:
        """Whether its next worker undoes steps in place of running its code."""
        return self.ending is not None or (self.cancelling and bool(self.undoable))

    @property
    def held(self) -> bool:
        """Whether some worker holds it, dead or alive."""
        return self.worker_id is not None
