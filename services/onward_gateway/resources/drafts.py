"""Drafts: executions that are planned, to be edited until somebody approves them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from onward.contract import drafts, ids
from onward.contract.drafts import KEPT, MOST_DEPENDENCIES, DraftSpec, OnFailed
from onward.contract.errors import Conflict
from onward.contract.events import Timeouts
from onward.contract.retry import Retry
from onward.contract.then import Then, stored
from onward.contract.view import PATH
from onward.http.call import Principal
from onward_gateway.admission import check_labels
from onward_gateway.drafting import standing_of
from onward_gateway.gateway import Gateway
from onward_gateway.resources.kind import Around, Kind, wrong

_TEXT = 4096


class DraftView(DraftSpec, frozen=True, kw_only=True, omit_defaults=False):
    """A planned execution; `waits_for` are the dependencies that an approved one still waits for."""

    waits_for: list[str]
    links: dict[str, str]


def check(spec: DraftSpec, around: Around) -> None:
    """Raises InvalidBody for what a draft cannot be."""
    if sum(one is not None for one in (spec.task, spec.agent, spec.team)) != 1:
        raise wrong("/task", "one of task, agent and team says what is to run")
    if spec.priority is not None and not 1 <= spec.priority <= 9:
        raise wrong("/priority", f"{spec.priority} is not 1 (lowest) to 9")
    if spec.run_at is not None and spec.run_at.tzinfo is None:
        raise wrong("/run_at", "it needs an offset, as in 2030-01-31T08:00:00Z")
    for member in ("title", "notes"):
        if len(getattr(spec, member) or "") > _TEXT:
            raise wrong(f"/{member}", f"it has at most {_TEXT} characters")
    check_labels(spec.labels)
    _check_dependencies(spec, around)


def _check_dependencies(spec: DraftSpec, around: Around) -> None:
    if len(spec.depends_on) > MOST_DEPENDENCIES:
        raise wrong("/depends_on", f"it has at most {MOST_DEPENDENCIES}")

    def known(name: str) -> DraftSpec | None:
        return around.specs.get(around.project, DraftSpec, name)

    for place, name in enumerate(spec.depends_on):
        if name != spec.name and not ids.is_execution_id(name) and known(name) is None:
            raise wrong(f"/depends_on/{place}", f"{name[:80]!r} is neither a draft nor an execution's id")

    def of(name: str) -> list[str]:
        other = known(name)
        return other.depends_on if other else []

    if way := drafts.circle(spec.name, spec.depends_on, of):
        raise wrong("/depends_on", f"it would depend on itself: {' → '.join(way)}")


def settle(after: DraftSpec, before: DraftSpec | None, _around: Around) -> DraftSpec:
    """What was approved stays as it was approved; what was rejected is planned anew by a change."""
    after = msgspec.structs.replace(after, then=stored(after.then))
    if before is None:
        return after
    if before.state in {"approved", "submitted"}:
        raise Conflict(f"draft {before.name} is {before.state}: it changes no more", fix="make another one")
    return msgspec.structs.replace(after, state="planned", because=None)


async def show(gateway: Gateway, who: Principal, specs: Sequence[DraftSpec]) -> list[Any]:
    """The drafts, with what they wait for."""
    return [await shown(gateway, who.project, spec) for spec in specs]


async def shown(gateway: Gateway, project: str, spec: DraftSpec) -> DraftView:
    """One draft, with what it waits for."""
    waits = (
        drafts.waits_for(spec, await standing_of(gateway, project, spec)) if spec.state == "approved" else []
    )
    links = {"self": f"{KIND.path}/{spec.name}"}
    if spec.execution_id is not None:
        links["execution"] = f"{PATH}/{spec.execution_id}"
    return DraftView(
        **{name: getattr(spec, name) for name in spec.__struct_fields__}, waits_for=waits, links=links
    )


KIND = Kind(
    spec=DraftSpec,
    plural="drafts",
    a="a draft",
    scope="submit",
    kept=KEPT,
    asked={
        "retry": Retry | None,
        "timeouts": Timeouts | None,
        "on_failed_dependency": OnFailed,
        "then": Then | None,
    },
    check=check,
    settle=settle,
    view=DraftView,
    show=show,
)
