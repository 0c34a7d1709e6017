"""Who performs executions: agents, and teams of them."""

from typing import Any, ClassVar, Literal

import msgspec

from onward.contract.events import RawOrNone, TimeoutPolicy
from onward.contract.resource import Resource
from onward.contract.retry import RetryPolicy

LARGEST_CONFIG = 32 * 1024
"""Bytes of an agent's configuration: each of its executions keeps a copy."""
MOST_AGENTS = 100
Routing = Literal["round_robin", "least_busy", "first"]


class AgentSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """A named performer: a task with a configuration. What it says counts where a submission says nothing."""

    KIND: ClassVar[str] = "agent"

    task: str
    config: RawOrNone = None
    """Model, prompt, tools, anything: JSON that the task's code reads with `onward.agent()`."""
    description: str | None = None
    input: RawOrNone = None
    queue: str | None = None
    environment: str | None = None
    policy: str | None = None
    priority: int | None = None
    labels: dict[str, str] = {}
    """Its executions have these, and their own on top."""
    retry: RetryPolicy | None = None
    timeouts: TimeoutPolicy | None = None
    then: RawOrNone = None
    """JSON of a `then`, as a submission has it."""


class TeamSpec(Resource, frozen=True, kw_only=True, omit_defaults=True):
    """Agents that do the same; each execution goes to one of them.

    `round_robin`: in turn; `least_busy`: who has the fewest open executions; `first`: the first whose queue has
    a worker.
    """

    KIND: ClassVar[str] = "team"

    agents: list[str] = []
    routing: str = "round_robin"
    description: str | None = None


class Difference(msgspec.Struct, frozen=True):
    """One member that is not as it was: null where it is missing."""

    member: str
    then: Any
    now: Any


def differences(then: Any, now: Any, at: str = "") -> list[Difference]:
    """What differs between two JSON values, by the path of the smallest member; lists count as one."""
    if then == now:
        return []
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return [Difference(at, then, now)]
    names = [*then, *(name for name in now if name not in then)]
    return [
        found
        for name in names
        for found in differences(then.get(name), now.get(name), f"{at}.{name}" if at else name)
    ]


def as_it_runs(agent: AgentSpec) -> dict[str, Any]:
    """What of an agent reaches the code and the policies: what an execution keeps a copy of."""
    return {
        "config": None if agent.config is None else msgspec.json.decode(agent.config),
        "policy": agent.policy,
    }
