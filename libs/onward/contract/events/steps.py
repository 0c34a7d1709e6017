"""Events of the steps that run inside an attempt, and of what they hand out."""

import msgspec

from onward.contract.events.envelope import Event, Failure, nothing


class CheckpointReached(Event, frozen=True, kw_only=True, omit_defaults=True, tag="checkpoint_reached"):
    """A step's result is saved, or state on purpose: later attempts read it and do not repeat it."""

    attempt: int
    kind: str
    """`step`, `state`, or `undo`: then the step of this scope, name and key is undone and no longer saved."""
    scope: str = ""
    name: str
    key: str = ""
    result: msgspec.Raw = msgspec.field(default_factory=nothing)
    arguments: str | None = None
    """Fingerprint of the step's arguments."""
    tries: int = 1
    duration_ms: float | None = None
    undo: str | None = None
    """The registered step that undoes this one."""
    edited: bool = False
    """Whether a person supplied this result."""


class StepFailed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step_failed"):
    """One try of a step raised; the step is tried again after `delay_ms`, or not at all when None."""

    attempt: int
    scope: str = ""
    name: str
    key: str = ""
    tries: int
    error: Failure
    delay_ms: float | None = None


class StepStarted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step_started"):
    """A step that may run at most once begins: without its checkpoint its outcome is in doubt."""

    attempt: int
    scope: str = ""
    name: str
    key: str = ""


class StepEdited(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step_edited"):
    """A person supplied a step's result, or replaced it, while nobody held the execution."""

    scope: str = ""
    name: str
    key: str = ""
    result: msgspec.Raw = msgspec.field(default_factory=nothing)


class Drifted(Event, frozen=True, kw_only=True, omit_defaults=True, tag="drifted"):
    """The code has changed under the execution: steps called with other arguments, or saved and no longer called."""

    attempt: int
    kind: str
    """`arguments` or `unused`."""
    steps: tuple[str, ...]
    policy: str = "warn"
    """What was done: `warn`, `rerun`, `hold`."""


class Progressed(Event, frozen=True, kw_only=True, omit_defaults=True, tag="progressed"):
    """The task says how far it is."""

    fraction: float | None = None
    message: str | None = None


class OutputGenerated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="output_generated"):
    """The task handed out a part of its output before its end."""

    name: str
    value: msgspec.Raw = msgspec.field(default_factory=nothing)
