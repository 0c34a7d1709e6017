"""All events as one tagged union, to JSON and back; what this release does not know is kept."""

from datetime import datetime

import msgspec

from onward.contract.events.carried import Carried
from onward.contract.events.family import ChildrenDone, ChildrenSpawned
from onward.contract.events.limits import Admitted, Gated
from onward.contract.events.lives import (
    Amended,
    AttemptFailed,
    Cancelled,
    CancelRequested,
    Compensating,
    Completed,
    Failed,
    Paused,
    Recovered,
    Released,
    Resumed,
    RetryRequested,
    Started,
    Submitted,
)
from onward.contract.events.moves import Moved, Queued
from onward.contract.events.steps import (
    CheckpointReached,
    Drifted,
    OutputGenerated,
    Progressed,
    StepEdited,
    StepFailed,
    StepStarted,
)
from onward.contract.events.waits import (
    Answered,
    EventAwaited,
    EventReceived,
    QuestionAsked,
    QuestionReminded,
    Slept,
    Suspended,
    WaitExpired,
)


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
    deadlines: dict[str, datetime] = {}
    trace: str | None = None
    v: int = 1


KNOWN = (
    Submitted | Started | CheckpointReached | StepStarted | StepFailed | StepEdited | Drifted | Progressed
    | OutputGenerated | Slept | QuestionAsked | QuestionReminded | EventAwaited | EventReceived | WaitExpired
    | ChildrenSpawned | ChildrenDone | Suspended | Answered | AttemptFailed | Recovered | Released | Paused | Resumed
    | Amended | Moved | Queued | Admitted | Gated | CancelRequested | Compensating | Completed | Failed | Cancelled
    | RetryRequested
    | Carried
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
    deadlines: dict[str, datetime] = {}
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
        envelope = _envelope_of(raw)
        if envelope.type in _types and envelope.v <= 1:
            raise
        return Unknown(**msgspec.structs.asdict(envelope), raw=raw)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None


def _envelope_of(raw: bytes) -> _Envelope:
    try:
        return _envelope.decode(raw)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
