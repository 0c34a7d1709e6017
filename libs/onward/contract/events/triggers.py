"""What follows the end of an execution, as its events hold it."""

import msgspec

from onward.contract.events.agents import AgentSnapshot
from onward.contract.events.envelope import RawOrNone, TimeoutPolicy
from onward.contract.retry import RetryPolicy


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One branch: what is submitted when an execution ends like this. All of it is fixed when that is submitted."""

    on: str
    """`success`, `failure` or `any`."""
    task: str
    queue: str
    input: RawOrNone = None
    """A template (contract/templates); without one, the output or what happened."""
    environment: str | None = None
    priority: int = 5
    labels: dict[str, str] = {}
    delay: float | None = None
    retry: RetryPolicy = RetryPolicy()
    timeouts: TimeoutPolicy = TimeoutPolicy()
    on_exhausted: str = "fail"
    agent: AgentSnapshot | None = None
    team_id: str | None = None
    then: "tuple[Trigger, ...]" = ()
    retention: str = "default"


class Triggered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an end means for one branch: the execution that follows, or none where the branch is skipped.

    It tells all that whoever creates the execution needs: the rest of the log may be purged by then.
    """

    on: str
    life: int = 1
    execution_id: str | None = None
    submit: Trigger | None = None
    """What follows, with the labels and the environment that it has from the execution before."""
    task: str | None = None
    """Of the execution that has ended."""
    root_id: str | None = None


class TriggeredBy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose end an execution follows."""

    execution_id: str
    on: str
    life: int
