"""What a caller may ask for, checked before anything is stored."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from onward.contract.events import NOTHING, RawOrNone, TimeoutPolicy, Timeouts
from onward.contract.keys import KeySpec as KeySpec  # noqa: PLC0414 - the same
from onward.contract.limit import Debounce, Limit, LimitPolicy
from onward.contract.places import QueueSpec as QueueSpec  # noqa: PLC0414 - many know it from here
from onward.contract.retention import RetentionClass
from onward.contract.retry import Retry, RetryPolicy
from onward.contract.then import Then

MAX_ANSWER = 256 * 1024
MAX_BATCH = 1000
MAX_LABELS = 32
LABEL = 256
"""Characters of a label's name, and of its value."""
PAGE = 200


class Submission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One execution asked for: the body of `POST /api/v1/executions`. `delay` is in seconds."""

    task: str | None = None
    agent: str | msgspec.UnsetType = msgspec.UNSET
    team: str | msgspec.UnsetType = msgspec.UNSET
    input: msgspec.Raw = NOTHING
    queue: str | None = None
    environment: str | None = None
    priority: int | None = None
    delay: float | None = None
    run_at: datetime | None = None
    idempotency_key: str | None = None
    labels: dict[str, str] = {}
    retry: Retry | None = None
    timeouts: Timeouts | None = None
    on_exhausted: Literal["fail", "hold", "ask"] | msgspec.UnsetType = (
        msgspec.UNSET
    )  # so that older fingerprints stay
    parent_id: str | None = None
    task_id: str | None = None
    then: Then | msgspec.UnsetType = msgspec.UNSET
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(max_length=10)] | msgspec.UnsetType = msgspec.UNSET
    debounce: Debounce | msgspec.UnsetType = msgspec.UNSET
    retention: RetentionClass | msgspec.UnsetType = msgspec.UNSET


class CancelCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop an execution; `reason` is shown to people."""

    reason: str | None = None


class OtherTimeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in seconds to change; null takes one away, one that is not named stays."""

    queue: float | msgspec.UnsetType | None = msgspec.UNSET
    attempt: float | msgspec.UnsetType | None = msgspec.UNSET
    execution: float | msgspec.UnsetType | None = msgspec.UNSET
    heartbeat: float | msgspec.UnsetType | None = msgspec.UNSET

    def __post_init__(self) -> None:
        Timeouts(**self._named())

    def _named(self) -> dict[str, float | None]:
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: limit for name, limit in given.items() if limit is not msgspec.UNSET}

    def on(self, limits: TimeoutPolicy) -> TimeoutPolicy:
        """The limits with these changes."""
        return msgspec.structs.replace(limits, **self._named())


class AmendCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Change an execution that lives; its limits count from the beginning of its life, an attempt's from its claim.

    `run_at` is a time or `now`; of the labels, those that are named change, and null takes one away.
    """

    timeouts: OtherTimeouts | msgspec.UnsetType = msgspec.UNSET
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] | msgspec.UnsetType = msgspec.UNSET
    queue: str | msgspec.UnsetType = msgspec.UNSET
    run_at: str | msgspec.UnsetType = msgspec.UNSET
    labels: dict[str, str | None] | msgspec.UnsetType = msgspec.UNSET


class PauseCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pause an execution; `reason` is shown to people."""

    reason: str | None = None


class ResumeCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let a paused execution go on; there is nothing to say beside that."""


class StepPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of an execution; `scope` and `key` are needed only where several have this name."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    scope: str | None = None
    key: str | None = None


class StepResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says that a step came to; it need not have run."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    result: msgspec.Raw
    scope: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    key: Annotated[str, msgspec.Meta(max_length=256)] = ""


class RetryCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Give a failed or cancelled execution another life.

    It goes on from its checkpoints; `from_start` without them; `from_step` without that step and all saved after it.
    `input` replaces the input, `steps` the results of steps.
    """

    from_start: bool = False
    from_step: StepPlace | None = None
    input: RawOrNone = None
    steps: Annotated[tuple[StepResult, ...], msgspec.Meta(max_length=100)] = ()


class RerunCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new execution of the same task; all that is not given is as the old one had it. `delay` is in seconds."""

    input: RawOrNone = None
    queue: str | None = None
    environment: str | None = None
    priority: int | None = None
    delay: float | None = None
    run_at: datetime | None = None
    idempotency_key: str | None = None
    labels: dict[str, str] | None = None
    retry: Retry | None = None
    timeouts: Timeouts | None = None
    limits: Annotated[tuple[Limit, ...], msgspec.Meta(max_length=10)] | None = None


class AnswerCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answer an open question; `question_id` is needed when several are open."""

    answer: msgspec.Raw
    question_id: str | None = None


class EventCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Send an event to an execution; one with a `key` that it has seen is not taken again."""

    name: str
    value: msgspec.Raw = NOTHING
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] | None = None


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker announces about a task: CONFIG kind `task`."""

    name: str
    input_schema: RawOrNone = None
    output_schema: RawOrNone = None
    description: str | None = None
    queue: str = "default"
    priority: int = 5
    retry: RetryPolicy = RetryPolicy()
    timeouts: TimeoutPolicy = TimeoutPolicy()
    version: str | None = None
    on_exhausted: str = "fail"
    stalled_after: float | None = None
    """Seconds without an event or a log line after which a running execution counts as stalled; None: the default."""
    limits: tuple[LimitPolicy, ...] = ()
    """Of each of its executions; keys may name members of the input."""
    max_running: int | None = None
    """How many of its executions may run at once."""
    retention: str | None = None
    """The class by which its executions are kept after their end."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A worker's sign of life, every few seconds as a core message."""

    worker_id: str
    project: str
    connection: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    slots: int
    started_at: datetime
    at: datetime
    holds: dict[str, str] = {}
    """Execution id → ack subject of the hint it was claimed from."""
    draining: bool = False
    connections: tuple[str, ...] = ()
    """The names of all its connections, where it has more than the one in `connection`."""
    paused: bool = False
    weights: dict[str, float] = {}
    """Of its queues, where one has another than 1."""
    available: int = 0
    """Slot-milliseconds there were since its start: of slots that it may take into, or that are used."""
    busy: dict[str, int] = {}
    """Slot-milliseconds used since its start, by queue."""
