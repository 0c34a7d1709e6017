"""Policies: rules in Rego, compiled before they are stored."""

from onward.contract.policies import PolicySpec, check
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind


def fits(spec: PolicySpec, _around: Around) -> None:
    """Raises InvalidBody for what can be seen without running it."""
    check(spec)


async def compiles(gateway: Gateway, _project: str, spec: PolicySpec) -> None:
    """Raises InvalidBody, with the line, for a module that cannot be compiled."""
    await gateway.policing.engine.check(spec)


KIND = Kind(
    spec=PolicySpec, plural="policies", a="a policy", check=fits, before_write=compiles, scope="admin"
)
