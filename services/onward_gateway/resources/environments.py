"""Environments: variables for whatever runs there, shown only to who may operate."""

import re
from collections.abc import Sequence
from typing import Any

from onward.contract.errors import StillUsed
from onward.contract.places import EnvironmentSpec, QueueSpec
from onward.http.call import Principal
from onward_gateway.admission import check_labels
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind, wrong
from onward_gateway.warnings import attached, queues_of

MOST_VARIABLES = 256
MOST_CHARACTERS = 64 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
HIDDEN = "***"


def check(spec: EnvironmentSpec, _around: Around) -> None:
    """Raises InvalidBody for variables that no process could have."""
    check_labels(spec.labels)
    if len(spec.variables) > MOST_VARIABLES:
        raise wrong("/variables", f"{len(spec.variables)} variables are more than {MOST_VARIABLES}")
    if sum(len(value) for value in spec.variables.values()) > MOST_CHARACTERS:
        raise wrong("/variables", f"their values are longer than {MOST_CHARACTERS} characters together")
    for name, value in spec.variables.items():
        if _VARIABLE.fullmatch(name) is None:
            raise wrong(
                f"/variables/{name[:80]}", "a name has letters, digits and _, and begins with no digit"
            )
        if name.startswith("ONWARD_"):
            raise wrong(f"/variables/{name}", "names that begin with ONWARD_ are the services' own")
        if value == HIDDEN:
            raise wrong(f"/variables/{name}", f"{HIDDEN} is what stands for a value that is not shown")


async def before_delete(gateway: Gateway, project: str, spec: EnvironmentSpec) -> None:
    """Raises StillUsed while a queue is in this environment."""
    queues = gateway.known.specs.all(project, QueueSpec).values()
    used = sorted(queue.name for queue in queues if queue.environment == spec.name)
    if used:
        raise StillUsed(
            f"environment {spec.name} is that of queue {', '.join(used[:5])}",
            fix="give the queue another environment",
        )


class EnvironmentView(EnvironmentSpec, frozen=True, kw_only=True, omit_defaults=False):
    """A place to run in, with the queues that are in it, and the workers that take from one of them."""

    queues: list[str]
    workers: list[str]


async def show(gateway: Gateway, who: Principal, specs: Sequence[EnvironmentSpec]) -> list[Any]:
    """The environments, with the values of their variables hidden from who may not operate."""
    return [_shown(gateway, who, spec) for spec in specs]


def _shown(gateway: Gateway, who: Principal, spec: EnvironmentSpec) -> EnvironmentView:
    variables = spec.variables if who.may("operate") else dict.fromkeys(spec.variables, HIDDEN)
    members = {name: getattr(spec, name) for name in spec.__struct_fields__}
    return EnvironmentView(
        **{**members, "variables": variables},
        queues=queues_of(gateway, who.project, spec.name),
        workers=attached(gateway, who.project, spec.name),
    )


KIND = Kind(
    spec=EnvironmentSpec,
    plural="environments",
    a="an environment",
    check=check,
    before_delete=before_delete,
    view=EnvironmentView,
    show=show,
)
