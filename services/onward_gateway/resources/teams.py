"""Teams: agents that do the same, and how executions are shared out among them."""

from onward.contract.agents import MOST_AGENTS, AgentSpec, Routing, TeamSpec
from onward_gateway.resources.kind import Around, Kind, wrong


def check(spec: TeamSpec, around: Around) -> None:
    """Raises InvalidBody for what a team cannot be."""
    if not 1 <= len(spec.agents) <= MOST_AGENTS:
        raise wrong("/agents", f"a team has 1 to {MOST_AGENTS} agents")
    for place, name in enumerate(spec.agents):
        if name in spec.agents[:place]:
            raise wrong(f"/agents/{place}", f"{name[:80]} is in it twice")
        if around.specs.get(around.project, AgentSpec, name) is None:
            raise wrong(
                f"/agents/{place}", f"there is no agent {name[:80]!r}", fix="`onward agent list` shows all"
            )


KIND = Kind(spec=TeamSpec, plural="teams", a="a team", asked={"routing": Routing}, check=check)
