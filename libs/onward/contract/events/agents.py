"""The agent that performs an execution, as its first event holds it."""

import msgspec

from onward.contract.events.envelope import RawOrNone


class AgentSnapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent as it was when the execution was submitted: what it is changed to later changes no execution."""

    name: str
    version: int
    config: RawOrNone = None
    """Model, prompt, tools, anything: JSON that the task's code reads."""
    policy: str | None = None
