"""The agent that a task's code performs for: its configuration as it was when the execution was submitted."""

from typing import Any, TypeVar

import msgspec

from onward.contract.events import AgentSnapshot
from onward.tasks import codec
from onward.tasks.context import current

T = TypeVar("T")


class Agent:
    """A named performer; nothing of it changes while the execution lives."""

    def __init__(self, snapshot: AgentSnapshot) -> None:
        self.name = snapshot.name
        self.version = snapshot.version
        """How often it had been changed, from 1 on."""
        self._raw = msgspec.Raw(b"null") if snapshot.config is None else snapshot.config

    def __repr__(self) -> str:
        return f"<Agent {self.name} version {self.version}>"

    @property
    def config(self) -> Any:
        """Model, prompt, tools, anything: the JSON it was given, a fresh copy each time."""
        return msgspec.json.decode(self._raw)

    def config_as(self, wanted: type[T]) -> T:
        """The same as a dataclass, struct or model. Raises msgspec.ValidationError where it is something else."""
        found: T = codec.decode(self._raw, wanted)
        return found


def agent() -> Agent | None:
    """The agent this execution was submitted for; None where it was submitted for a task, or outside of one."""
    session = current.get()
    return None if session is None or session.agent is None else Agent(session.agent)
