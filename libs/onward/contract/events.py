"""What happened to an execution: past tense, never changed, one JSON object each.

Every event carries `n` = 1, 2, 3 … within its execution. A type or a field of a newer release is kept, not fatal: an
unknown type decodes to `Unknown`, whose `raw` holds all of it.
"""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from onward.contract.retry import RetryPolicy

NOTHING = msgspec.Raw(b"null")


def _nothing() -> msgspec.Raw:
    return NOTHING


if TYPE_CHECKING:
    RawOrNone = msgspec.Raw | None
else:
    # msgspec decodes nothing but null into `Raw | None`; a default of None is never decoded.
    RawOrNone = msgspec.Raw


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an attempt, a step or an execution failed."""

    type: str
    message: str
    stack: str | None = None
    retryable: bool = True
    fingerprint: str | None = None


class TimeoutPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits in seconds as they stand in stored messages; None is none. `attempt` bounds one attempt."""

    attempt: float | None = None


class Timeouts(TimeoutPolicy, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Limits as somebody asks for them: checked."""

    def __post_init__(self) -> None:
        if self.attempt is not None and not 0 < self.attempt <= 31_536_000:
            raise ValueError("timeouts must be above 0 and at most 31536000 s (a year)")


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """The envelope. `wake` is the route (`queue.class`) of an event that makes its execution runnable."""

    id: str
    project: str
    execution_id: str
    n: int
    at: datetime
    routes: tuple[str, ...]
    """Every wake route this log has used so far, so that who reads `.e` finds the rest (PROTOCOL V3)."""
    wake: str | None = None
    actor: str | None = None
    due: datetime | None = None
    """When the timekeeper wakes this execution, unless something else does first."""
    trace: str | None = None
    """W3C traceparent of what caused the event."""
    v: int = 1


class Submitted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="submitted"):
    """The execution exists. With `due` it is delayed and no wake."""

    task: str
    queue: str
    input: msgspec.Raw = msgspec.field(default_factory=_nothing)
    task_id: str | None = None
    environment: str | None = None
    priority: int = 5
    labels: dict[str, str] = {}
    retry: RetryPolicy = RetryPolicy()
    timeouts: TimeoutPolicy = TimeoutPolicy()
    source: str = "api"
    fingerprint: str | None = None
    """Hash of the request, where an idempotency key was given: same key, other body is refused."""
    parent_id: str | None = None
    root_id: str | None = None
    retried_from: str | None = None
    agent_id: str | None = None
    team_id: str | None = None


class Started(Event, frozen=True, kw_only=True, omit_defaults=True, tag="started"):
    """A worker claimed the execution; names the hint it claimed from (PROTOCOL H1)."""

    attempt: int
    worker_id: str
    connection: str
    work_sequence: int
    ack_subject: str
    fired: int | None = None
    """The `n` of the event whose timer fired."""


class CheckpointReached(Event, frozen=True, kw_only=True, omit_defaults=True, tag="checkpoint_reached"):
    """A step's result is saved, or state on purpose: later attempts read it and do not repeat it."""

    attempt: int
    kind: str
    """`step` or `state`."""
    scope: str = ""
    name: str
    key: str = ""
    result: msgspec.Raw = msgspec.field(default_factory=_nothing)
    arguments: str | None = None
    """Fingerprint of the step's arguments."""
    tries: int = 1
    duration_ms: float | None = None


class StepFailed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step_failed"):
    """One try of a step raised; the step is tried again after `delay_ms`, or not at all when None."""

    attempt: int
    scope: str = ""
    name: str
    key: str = ""
    tries: int
    error: Failure
    delay_ms: float | None = None


class Progressed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="progressed"):
    """The task says how far it is."""

    fraction: float | None = None
    message: str | None = None


class OutputGenerated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="output_generated"):
    """The task handed out a part of its output before its end."""

    name: str
    value: msgspec.Raw = msgspec.field(default_factory=_nothing)


class Slept(Event, frozen=True, kw_only=True, omit_defaults=True, tag="slept"):
    """The task sleeps until `until`; `wait` identifies this sleep among its waits."""

    wait: str
    until: datetime


class QuestionAsked(Event, frozen=True, kw_only=True, omit_defaults=True, tag="question_asked"):
    """The task asks a person; `wait` is the question's id."""

    wait: str
    text: str
    choices: tuple[str, ...] = ()
    schema: RawOrNone = None


class Suspended(Event, frozen=True, kw_only=True, omit_defaults=True, tag="suspended"):
    """All there is to do waits: the worker let go. `due` is the earliest end of a wait, where there is one."""

    reason: str


class Answered(Event, frozen=True, kw_only=True, omit_defaults=True, tag="answered"):
    """A person answered; a wake."""

    wait: str
    answer: msgspec.Raw


class AttemptFailed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="attempt_failed"):
    """An attempt failed and another one starts at `due`."""

    attempt: int
    error: Failure


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


class Completed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="completed"):
    """The execution ended well; `output` is kept for ever."""

    output: msgspec.Raw = msgspec.field(default_factory=_nothing)


class Failed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="failed"):
    """The execution ended badly; `reason` is one of error, exhausted, timed_out, poison, policy_denied."""

    reason: str
    error: Failure


class Cancelled(Event, frozen=True, kw_only=True, omit_defaults=True, tag="cancelled"):
    """The execution was stopped before its end."""

    because: str | None = None


class RetryRequested(Event, frozen=True, kw_only=True, omit_defaults=True, tag="retry_requested"):
    """A failed or cancelled execution gets another life; a wake. `fresh` forgets its checkpoints."""

    fresh: bool = False


class Carried(Event, frozen=True, kw_only=True, omit_defaults=True, tag="carried"):
    """The folded state of a log whose older events are purged, with its checkpoints (PROTOCOL T2).

    `state` is the JSON of the execution (lifecycle.Execution) as it was at `n - part`; long checkpoint lists are split
    over `parts` events of one decision.
    """

    state: msgspec.Raw
    checkpoints: tuple[CheckpointReached, ...] = ()
    part: int = 1
    parts: int = 1


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type this release does not know: stored and counted, not folded."""

    type: str
    id: str
    project: str
    execution_id: str
    n: int
    at: datetime
    raw: bytes
    routes: tuple[str, ...] = ()
    wake: str | None = None
    actor: str | None = None
    due: datetime | None = None
    trace: str | None = None
    v: int = 1


KNOWN = (
    Submitted | Started | CheckpointReached | StepFailed | Progressed | OutputGenerated | Slept | QuestionAsked
    | Suspended | Answered | AttemptFailed | Recovered | Released | CancelRequested | Completed | Failed | Cancelled
    | RetryRequested | Carried
)  # fmt: skip
AnyEvent = KNOWN | Unknown
TERMINAL = (Completed, Failed, Cancelled)


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    id: str
    project: str
    execution_id: str
    n: int
    at: datetime
    routes: tuple[str, ...] = ()
    wake: str | None = None
    actor: str | None = None
    due: datetime | None = None
    trace: str | None = None
    v: int = 1


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(KNOWN)
_envelope = msgspec.json.Decoder(_Envelope)
_types = {member.__struct_config__.tag for member in KNOWN.__args__}


def event_type(event: AnyEvent) -> str:
    """The stable type name of an event, as it stands in its JSON."""
    return event.type if isinstance(event, Unknown) else str(type(event).__struct_config__.tag)


def encode(event: AnyEvent) -> bytes:
    """The event as JSON."""
    return event.raw if isinstance(event, Unknown) else _encoder.encode(event)


def decode(raw: bytes) -> AnyEvent:
    """The event in `raw`; raises msgspec.MsgspecError where not even the envelope can be read."""
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError:
        envelope = _envelope.decode(raw)
        if envelope.type in _types and envelope.v <= 1:
            raise
        return Unknown(**msgspec.structs.asdict(envelope), raw=raw)
