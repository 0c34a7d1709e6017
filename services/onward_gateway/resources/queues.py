"""Queues: what people set of them, beside what waits in them and who takes from them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from onward.contract.errors import StillUsed, Unavailable
from onward.contract.events import Timeouts
from onward.contract.limit import MOST_HOLDERS
from onward.contract.places import EnvironmentSpec, QueueSpec
from onward.contract.retry import Retry
from onward.http.call import Principal
from onward_gateway.admission import check_labels
from onward_gateway.gateway import Gateway
from onward_gateway.known import DEFAULT_QUEUE
from onward_gateway.resources.kind import Around, Kind, wrong
from onward_gateway.state import ClassDepth, QueueDepth

KEPT = ("paused_by", "paused_since")
_MOST = 1_000_000
_DAY = 86_400.0


class QueueView(QueueSpec, frozen=True, kw_only=True, omit_defaults=False):
    """Where executions wait; numbers are null while nobody knows them."""

    workers: int
    slots: int
    waiting: int | None
    running: int | None
    oldest: datetime | None
    classes: dict[str, ClassDepth]


def check(spec: QueueSpec, around: Around) -> None:
    """Raises InvalidBody for what a queue cannot be."""
    check_labels(spec.labels)
    if (
        spec.environment is not None
        and around.specs.get(around.project, EnvironmentSpec, spec.environment) is None
    ):
        raise wrong(
            "/environment",
            f"there is no environment {spec.environment[:80]!r}",
            fix="make it first: POST /api/v1/environments",
        )
    if spec.priority is not None and not 1 <= spec.priority <= 9:
        raise wrong("/priority", f"{spec.priority} is not 1 (lowest) to 9")
    if spec.max_running is not None and not 1 <= spec.max_running <= MOST_HOLDERS:
        raise wrong("/max_running", f"it is 1 to {MOST_HOLDERS}; pause the queue to let nothing begin")
    if spec.rate is not None and not 1 <= spec.rate <= _MOST:
        raise wrong("/rate", f"it is 1 to {_MOST}")
    if not 0.001 <= spec.per <= _DAY:
        raise wrong("/per", f"it is 0.001 to {_DAY:.0f} seconds")
    if spec.paused_because is not None and not spec.paused:
        raise wrong("/paused_because", "the queue is not paused")


def settle(after: QueueSpec, before: QueueSpec | None, around: Around) -> QueueSpec:
    """Keeps who paused it, and since when."""
    if not after.paused:
        return msgspec.structs.replace(after, paused_by=None, paused_since=None)
    if before is not None and before.paused:
        return after
    return msgspec.structs.replace(after, paused_by=around.actor, paused_since=around.now)


def implied(around: Around, name: str) -> bool:
    """The queue `default` is always there."""
    del around
    return name == DEFAULT_QUEUE


def more_names(gateway: Gateway, project: str) -> Iterable[str]:
    """Those that are there though nobody wrote them."""
    return {DEFAULT_QUEUE, *gateway.presence.queues(project)}


async def before_delete(gateway: Gateway, project: str, spec: QueueSpec) -> None:
    """Raises StillUsed while a worker takes from it, or it holds executions."""
    if spec.name == DEFAULT_QUEUE:
        raise StillUsed("the queue default is always there", fix="PUT {} gives it its defaults back")
    if spec.name in gateway.presence.queues(project):
        raise StillUsed(
            f"workers take from queue {spec.name}", fix="stop them, or start them on other queues"
        )
    held = {depth.queue: depth for depth in await gateway.state.queues(project)}.get(spec.name)
    if held is not None and (held.waiting or held.running):
        raise StillUsed(
            f"queue {spec.name} holds {held.waiting} waiting and {held.running or 0} running executions",
            fix="wait for them, move them, or cancel them",
        )


async def show(gateway: Gateway, who: Principal, specs: Sequence[QueueSpec]) -> list[Any]:
    """The queues, with what execution_state counts in them."""
    try:
        depths = {depth.queue: depth for depth in await gateway.state.queues(who.project)}
    except Unavailable:
        depths = {}
    return [_shown(gateway, who.project, spec, depths.get(spec.name)) for spec in specs]


def _shown(gateway: Gateway, project: str, spec: QueueSpec, depth: QueueDepth | None) -> QueueView:
    there = [
        beat for beat in gateway.presence.workers(project) if spec.name in beat.queues and not beat.draining
    ]
    return QueueView(
        **{name: getattr(spec, name) for name in spec.__struct_fields__},
        workers=len(there),
        slots=sum(beat.slots for beat in there),
        waiting=depth.waiting if depth else None,
        running=depth.running if depth else None,
        oldest=depth.oldest if depth else None,
        classes=depth.classes if depth else {},
    )


KIND = Kind(
    spec=QueueSpec,
    plural="queues",
    a="a queue",
    kept=KEPT,
    asked={"retry": Retry | None, "timeouts": Timeouts | None},
    check=check,
    settle=settle,
    implied=implied,
    more_names=more_names,
    before_delete=before_delete,
    view=QueueView,
    show=show,
)
