"""What happened to an execution: past tense, never changed, one JSON object each.

Every event carries `n` = 1, 2, 3 … within its execution. A type or a field of a newer release is kept, not fatal: an
unknown type decodes to `Unknown`, whose `raw` holds all of it.
"""

from onward.contract.events.agents import AgentSnapshot
from onward.contract.events.carried import Carried
from onward.contract.events.codec import KNOWN, TERMINAL, AnyEvent, Unknown, decode, encode, event_type
from onward.contract.events.envelope import (
    NOTHING,
    ChildOf,
    Event,
    Failure,
    RawOrNone,
    TimeoutPolicy,
    Timeouts,
)
from onward.contract.events.family import ChildEnd, ChildrenDone, ChildrenSpawned
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
from onward.contract.events.triggers import Trigger, Triggered, TriggeredBy
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

__all__ = [
    "KNOWN",
    "NOTHING",
    "TERMINAL",
    "Admitted",
    "AgentSnapshot",
    "Amended",
    "Answered",
    "AnyEvent",
    "AttemptFailed",
    "CancelRequested",
    "Cancelled",
    "Carried",
    "CheckpointReached",
    "ChildEnd",
    "ChildOf",
    "ChildrenDone",
    "ChildrenSpawned",
    "Compensating",
    "Completed",
    "Drifted",
    "Event",
    "EventAwaited",
    "EventReceived",
    "Failed",
    "Failure",
    "Gated",
    "Moved",
    "OutputGenerated",
    "Paused",
    "Progressed",
    "QuestionAsked",
    "QuestionReminded",
    "Queued",
    "RawOrNone",
    "Recovered",
    "Released",
    "Resumed",
    "RetryRequested",
    "Slept",
    "Started",
    "StepEdited",
    "StepFailed",
    "StepStarted",
    "Submitted",
    "Suspended",
    "TimeoutPolicy",
    "Timeouts",
    "Trigger",
    "Triggered",
    "TriggeredBy",
    "Unknown",
    "WaitExpired",
    "decode",
    "encode",
    "event_type",
]
