"""What other services ask the gateway, so that there is one way for an execution to come to be, or to be stopped."""

from datetime import datetime

import msgspec

from onward.contract.events import Failure

SERVICE = "gateway"
SUBMIT, CANCEL = "submit", "cancel"
POLICE, POLICE_AGAIN = "police", "police_again"
"""Whether a `submitted` event, which is what is sent, may be stored; whether an execution may live once more."""


class SubmitAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Submit this as the execution `execution_id`; where that exists, nothing is stored, and it is no error."""

    project: str
    actor: str
    source: str
    execution_id: str
    submission: msgspec.Raw
    """The body of `POST /executions`."""
    origin: str | None = None
    scheduled_at: datetime | None = None


class CancelAsked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Stop this execution; one that has ended stays as it is."""

    project: str
    actor: str
    execution_id: str
    reason: str | None = None


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """It is stored. `replayed`: it was before."""

    execution_id: str
    replayed: bool = False
    warnings: tuple[str, ...] = ()
    denied: Failure | None = None
    """How it fails, where policies were asked and deny it."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why it is not."""

    code: str
    status: int
    message: str


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the two."""

    done: Done | None = None
    problem: Problem | None = None
