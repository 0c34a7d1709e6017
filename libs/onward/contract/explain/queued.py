"""Why an execution that could start has not been started: its queue, its limits, the workers, the line."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from onward.contract.explain.causes import EXECUTIONS, Cause, by, count, quoted, span, when
from onward.contract.explain.facts import Facts, HolderFact, LimitFact, WorkerFact

LATE = timedelta(seconds=15)
"""Longer than a free worker leaves something that it could take."""
_SHOWN = 3


def queued(facts: Facts) -> Iterator[Cause]:
    """Every reason why no worker has claimed it; at least one."""
    found = list(_reasons(facts))
    yield from found or [_any_moment(facts)]


def estimated_start(facts: Facts) -> datetime | None:
    """When it is its turn, if its class goes on emptying as it did; None where that cannot be said."""
    standing = facts.standing
    if standing is None or not standing.per_second:
        return None
    return facts.now + timedelta(seconds=(standing.ahead + 1) / standing.per_second)


def _reasons(facts: Facts) -> Iterator[Cause]:
    if facts.queue.paused:
        yield _queue_paused(facts)
    for limit in facts.limits:
        yield _limited(facts, limit)
    if facts.state.gated and not facts.limits:
        yield _to_be_admitted(facts)
    yield from _workers(facts)
    if facts.standing is not None and facts.standing.ahead:
        yield _ahead(facts, facts.standing.ahead)


def _queue_paused(facts: Facts) -> Cause:
    queue = facts.queue
    return Cause(
        "queue_paused",
        text=f"queue {queue.name} is paused{by(queue.paused_by)}{quoted(queue.paused_because)}",
        fix=f"onward queue resume {queue.name}",
        since=queue.paused_since, who=queue.paused_by, links={"queue": f"/api/v1/queues/{queue.name}"},
    )  # fmt: skip


def _to_be_admitted(facts: Facts) -> Cause:
    keys = ", ".join(limit.key for limit in facts.state.limits) or "its limits"
    return Cause(
        "limited", text=f"it waits to be admitted by {keys}", since=facts.state.updated_at,
        fix="nothing to do, where there is room: it is admitted within a moment",
    )  # fmt: skip


def _limited(facts: Facts, limit: LimitFact) -> Cause:
    what = f"key {limit.name}" if limit.kind == "key" else f"{limit.kind} {limit.name}"
    oldest = limit.holders[0] if limit.holders else None
    told: dict[str, Any] = {
        "links": {f"holder_{number}": f"{EXECUTIONS}/{one.execution_id}" for number, one in _numbered(limit)},
        "since": oldest and oldest.since, "who": oldest and oldest.worker_id, "until": limit.back_at,
    }  # fmt: skip
    if limit.behind:
        return Cause(
            "limited", **told, fix=f"let it go first: onward execution prioritize 9 {facts.state.id}",
            text=f"others wait for {what} as well: it is number {limit.place} in line{_held(facts, limit)}"
            f"{_turn(facts, limit)}",
        )  # fmt: skip
    if limit.kind == "rate" or limit.back_at is not None:
        return Cause(
            "rate_limited", **told, fix="wait, or raise the rate",
            text=f"{what} starts at most {limit.most} in its period{_turn(facts, limit)}",
        )  # fmt: skip
    place = f"; it is number {limit.place} in line" if limit.place else ""
    return Cause(
        "limited", **told, fix="wait until one of them ends, cancel one, or raise the limit",
        text=f"{what} lets {limit.most} run at the same time{_held(facts, limit)}{place}",
    )  # fmt: skip


def _numbered(limit: LimitFact) -> Iterator[tuple[int, HolderFact]]:
    return iter(enumerate(limit.holders[:_SHOWN], 1))


def _turn(facts: Facts, limit: LimitFact) -> str:
    """When the budget of a rate is back for it."""
    if limit.back_at is None:
        return ""
    if limit.place is None or limit.place < 2:
        return f"; the next may start {when(limit.back_at, facts.now)}"
    return f"; it is number {limit.place} in line and may start {when(limit.back_at, facts.now)}"


def _held(facts: Facts, limit: LimitFact) -> str:
    if not limit.holders:
        return ""
    more = max(limit.held, len(limit.holders)) - _SHOWN
    held = ", ".join(_holder(facts, one) for _, one in _numbered(limit))
    return f", held by {held}" + (f" and {more} more" if more > 0 else "")


def _holder(facts: Facts, one: HolderFact) -> str:
    """`ID (on worker w1, for 12 s)`, as far as that is known."""
    doing = f"on worker {one.worker_id}" if one.worker_id else one.reason
    since = f"for {span(facts.now - one.since)}" if one.since else None
    known = ", ".join(part for part in (doing, since) if part)
    return f"{one.execution_id} ({known})" if known else one.execution_id


def _workers(facts: Facts) -> Iterator[Cause]:
    here = [one for one in facts.workers if facts.queue.name in one.queues and one.status != "gone"]
    able = [one for one in here if facts.state.task in one.tasks]
    taking = [one for one in able if one.status == "listening"]
    if not here:
        yield _nobody(facts)
    elif not able:
        yield _not_offered(facts, here)
    elif not taking:
        yield _resting(facts, able)
    elif all(one.busy >= one.slots for one in taking):
        yield _full(facts, taking)


def _nobody(facts: Facts) -> Cause:
    queue, task = facts.queue.name, facts.state.task
    elsewhere = sorted({q for one in _there(facts) if task in one.tasks for q in one.queues})
    start = f"onward worker start --queue {queue}"
    fix = start if facts.queue.known else f"onward queue create {queue}, then {start}"
    if elsewhere:
        fix += f"; workers that know {task} take from: {', '.join(elsewhere)}"
    if not facts.queue.known:
        return Cause("queue_unknown", text=f"there is no queue {queue}, and no worker takes from it", fix=fix)
    gone = [one for one in facts.workers if queue in one.queues and one.status == "gone"]
    if not gone:
        return Cause("no_worker", text=f"no worker takes from queue {queue}; none did lately", fix=fix)
    latest = max(gone, key=lambda one: one.last_seen)
    return Cause(
        "no_worker", since=latest.last_seen, who=latest.worker_id, fix=fix,
        text=f"no worker takes from queue {queue}; {latest.worker_id} did until {when(latest.last_seen, facts.now)}",
    )  # fmt: skip


def _not_offered(facts: Facts, here: list[WorkerFact]) -> Cause:
    queue, task = facts.queue.name, facts.state.task
    elsewhere = sorted({q for one in _there(facts) if task in one.tasks for q in one.queues})
    fix = f"start a worker with this task: onward worker start MODULE --queue {queue}"
    if elsewhere:
        fix += f"; workers that know it take from: {', '.join(elsewhere)}"
    text = f"{count(len(here), 'worker')} of queue {queue} {_verb(here, 'does', 'do')} not know task {task}"
    return Cause("task_not_offered", text=text, fix=fix, links={"task": f"/api/v1/tasks/{task}"})


def _resting(facts: Facts, able: list[WorkerFact]) -> Cause:
    states = [f"{one.worker_id} is {one.status}" for one in able[:_SHOWN]]
    paused = next((one for one in able if one.status == "paused"), None)
    fix = f"onward worker resume {paused.worker_id}" if paused else None
    return Cause(
        "workers_paused",
        text=f"no worker of queue {facts.queue.name} takes anything new: {', '.join(states)}",
        fix=fix or f"start another one: onward worker start --queue {facts.queue.name}",
    )  # fmt: skip


def _full(facts: Facts, taking: list[WorkerFact]) -> Cause:
    busy, slots = sum(one.busy for one in taking), sum(one.slots for one in taking)
    links = {
        f"held_by_{number}": f"{EXECUTIONS}?worker={one.worker_id}"
        for number, one in enumerate(taking[:_SHOWN], 1)
    }
    return Cause(
        "workers_full", links=links,
        text=f"all slots are taken: {busy}/{slots} on {count(len(taking), 'worker')} of queue {facts.queue.name}",
        fix=f"wait, start another worker, or give one more slots: onward worker slots {taking[0].worker_id} N",
    )  # fmt: skip


def _ahead(facts: Facts, ahead: int) -> Cause:
    start = estimated_start(facts)
    soon = f"; at the present pace it starts in about {span(start - facts.now)}" if start else ""
    cls = facts.state.route.rpartition(".")[2]
    return Cause(
        "ahead", until=start, links={"queue": "/api/v1/queues"},
        text=f"{ahead} ahead of it in class {cls} of queue {facts.queue.name}{soon}",
        fix=f"let it go first: onward execution prioritize 9 {facts.state.id}; or start more workers",
    )  # fmt: skip


def _any_moment(facts: Facts) -> Cause:
    since = ready_since(facts)
    if facts.now - since < LATE:
        return Cause(
            "starting", since=since, fix="nothing to do: a free worker takes it at once",
            text=f"a worker of queue {facts.queue.name} is free and is about to take it",
        )  # fmt: skip
    return Cause(
        "overlooked", since=since,
        text=f"a worker of queue {facts.queue.name} is free and has not taken it for {span(facts.now - since)}",
        fix="it is told to the workers again within a minute; onward doctor shows whether that works",
    )  # fmt: skip


def ready_since(facts: Facts) -> datetime:
    """Since when a worker could have taken it."""
    state = facts.state
    return state.updated_at if state.ready or state.due is None else state.due


def _there(facts: Facts) -> list[WorkerFact]:
    return [one for one in facts.workers if one.status != "gone"]


def _verb(many: list[WorkerFact], one: str, several: str) -> str:
    return one if len(many) == 1 else several
