"""The envelope that every event shares, and the values that stand in several of them."""

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

NOTHING = msgspec.Raw(b"null")


def nothing() -> msgspec.Raw:
    """JSON null, as a default that is no one's shared value."""
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
    """Limits in seconds as they stand in stored messages; None is none."""

    queue: float | None = None
    """From when it may start until its first claim."""
    attempt: float | None = None
    """One attempt, while a worker holds it."""
    execution: float | None = None
    """From the submission, or the delayed start, to the end; waits included."""
    heartbeat: float | None = None
    """Between two signs of life of the code: a step, progress, a checkpoint, an output, a log line of `log()`."""


class Timeouts(TimeoutPolicy, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Limits as somebody asks for them: checked."""

    def __post_init__(self) -> None:
        for limit in (self.queue, self.attempt, self.execution, self.heartbeat):
            if limit is not None and not 0 < limit <= 31_536_000:
                raise ValueError("timeouts must be above 0 and at most 31536000 s (a year)")


class ChildOf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose child an execution is: the `index`-th of a group, wanted by the `life`-th life of the parent."""

    parent_id: str
    group: str
    born: int
    """The n of the parent's event that began the group."""
    index: int
    life: int = 1


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
    deadlines: dict[str, datetime] = {}
    """When the execution is overdue, by kind of limit (`queue`, `execution`), whatever it does until then."""
    trace: str | None = None
    """W3C traceparent of what caused the event."""
    v: int = 1
