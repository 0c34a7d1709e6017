"""POST /executions/route, a dry run: where a submission would go, who would take it, and what is in its way."""

from datetime import datetime

import msgspec

from onward.contract import subjects
from onward.contract.events import Submitted
from onward.contract.policies import Verdict, denial
from onward.contract.workers import LISTENING, shown
from onward_gateway.gateway import Gateway
from onward_gateway.warnings import warnings


class RouteWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of that queue; it `takes` it where it knows the task and is not resting."""

    worker_id: str
    status: str
    slots: int
    busy: int
    takes: bool


class RouteLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that applies: a key, as `queue:urgent`, or the `backlog` of the project."""

    name: str
    max: int | None = None
    rate: int | None = None
    per: float | None = None
    full: str | None = None


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of a submission; nothing was stored."""

    task: str
    queue: str
    priority: int
    priority_class: str
    environment: str | None
    agent_id: str | None
    run_at: datetime | None
    max_attempts: int
    workers: list[RouteWorker]
    free_slots: int
    """Of the workers that would take it."""
    limits: list[RouteLimit]
    denied: str | None
    """What a policy has against it."""
    warnings: list[str]


def route_of(gateway: Gateway, event: Submitted, verdicts: tuple[Verdict, ...]) -> RouteView:
    """The answer to a submission that is only asked about."""
    workers, error = _workers(gateway, event), denial(verdicts)
    return RouteView(
        task=event.task,
        queue=event.queue,
        priority=event.priority,
        priority_class=subjects.priority_class(event.priority),
        environment=event.environment,
        agent_id=event.agent_id,
        run_at=event.due,
        max_attempts=event.retry.attempts,
        workers=workers,
        free_slots=sum(max(0, one.slots - one.busy) for one in workers if one.takes),
        limits=_limits(gateway, event),
        denied=None if error is None else error.message,
        warnings=[*warnings(gateway, event), *(one.told() for one in verdicts if not one.denies)],
    )


def _workers(gateway: Gateway, event: Submitted) -> list[RouteWorker]:
    there = [beat for beat in gateway.presence.workers(event.project) if event.queue in beat.queues]
    return [
        RouteWorker(
            worker_id=view.worker_id, status=view.status, slots=view.slots, busy=view.busy,
            takes=view.status == LISTENING and event.task in view.tasks,
        )
        for view in (shown(beat, beat.at) for beat in sorted(there, key=lambda beat: beat.worker_id))
    ]  # fmt: skip


def _limits(gateway: Gateway, event: Submitted) -> list[RouteLimit]:
    quota = gateway.known.quota(event.project)
    found = [RouteLimit(name="backlog", max=quota.waiting)] if quota is not None and quota.waiting else []
    for one in event.limits:
        per = None if one.rate is None else one.per
        found.append(RouteLimit(name=one.key, max=one.max, rate=one.rate, per=per, full=one.full))
    return found
