"""Agents: a task with a configuration, under a name."""

import msgspec

from onward.contract import ids, values
from onward.contract.agents import LARGEST_CONFIG, AgentSpec, TeamSpec
from onward.contract.errors import StillUsed
from onward.contract.events import RawOrNone, Timeouts
from onward.contract.retry import Retry
from onward.contract.then import Then, stored
from onward_gateway.admission import check_labels
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind, wrong


def check(spec: AgentSpec, _around: Around) -> None:
    """Raises InvalidBody for what an agent cannot be. Its task may be announced later."""
    for kind, name in (("task", spec.task), ("queue", spec.queue), ("environment", spec.environment)):
        if name is not None:
            ids.check_name(kind, name)
    if spec.priority is not None and not 1 <= spec.priority <= 9:
        raise wrong("/priority", f"{spec.priority} is not 1 (lowest) to 9")
    check_labels(spec.labels)
    if spec.config is not None and len(bytes(spec.config)) > LARGEST_CONFIG:
        what = f"it is {len(bytes(spec.config))} bytes; the limit is {LARGEST_CONFIG}"
        raise wrong("/config", what, fix="keep what is larger elsewhere, and name its place")
    if spec.input is not None and len(bytes(spec.input)) > values.INLINE:
        raise wrong("/input", f"it has more than {values.INLINE} bytes")


def settle(after: AgentSpec, _before: AgentSpec | None, _around: Around) -> AgentSpec:
    """A null is as if it were not given."""
    return msgspec.structs.replace(
        after, config=_given(after.config), input=_given(after.input), then=stored(after.then)
    )


def _given(raw: RawOrNone) -> RawOrNone:
    return None if raw is None or bytes(raw) == b"null" else raw


async def before_delete(gateway: Gateway, project: str, spec: AgentSpec) -> None:
    """Raises StillUsed while it is in a team."""
    teams = gateway.known.specs.all(project, TeamSpec)
    if used := [name for name, team in teams.items() if spec.name in team.agents]:
        raise StillUsed(f"agent {spec.name} is in team {', '.join(used)}", fix="take it out of there first")


KIND = Kind(
    spec=AgentSpec,
    plural="agents",
    a="an agent",
    asked={"retry": Retry | None, "timeouts": Timeouts | None, "then": Then | None},
    check=check,
    settle=settle,
    before_delete=before_delete,
)
