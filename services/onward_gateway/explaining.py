"""GET /executions/{id}/explain: gathers what there is to know, and has the contract say what follows from it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from litestar import get

from onward.bus import limit_asking
from onward.contract import events as ev
from onward.contract import ids
from onward.contract.errors import Unavailable
from onward.contract.execution import Execution
from onward.contract.explain import (
    Explanation,
    Facts,
    HolderFact,
    LimitFact,
    QueueFact,
    Standing,
    WorkerFact,
    explain,
    in_line,
)
from onward.contract.limit import DEBOUNCE, QUEUE, TASK
from onward.contract.limits import Holder
from onward.contract.log import Log
from onward.contract.places import QueueSpec
from onward.contract.submission import Heartbeat
from onward.contract.workers import WorkerView, shown
from onward.http.answer import Answer, json_answer
from onward.http.call import call_of
from onward.http.query import read_query
from onward_gateway.gateway import Gateway, gateway_of
from onward_gateway.routes import ONE, Door, NoQuery, Operation, describe
from onward_gateway.state import Remembered

T = TypeVar("T")
_SHOWN_CHILDREN = 3
_SHOWN_HOLDERS = 3


@get(
    ONE + "/explain",
    opt=describe(
        Operation(
            summary="Why an execution waits, what its worker does, or why it ended; each cause with its fix",
            query=NoQuery,
            answers={200: Explanation},
            refuses=(400, 404, 409, 503),
        )
    ),
)
async def explain_execution(request: Door) -> Answer:
    """Every cause, the first one first."""
    gateway, call = gateway_of(request), call_of(request.scope)
    read_query(request.scope["query_string"], NoQuery)
    project = call.who.project
    execution_id = await gateway.finder.resolve(project, request.path_params["execution_id"])
    return json_answer(explain(await facts_of(gateway, project, execution_id)))


async def facts_of(gateway: Gateway, project: str, execution_id: str) -> Facts:
    """All that can be known just now. What does not answer is named, and the rest is told."""
    asked = Asking()
    found = await gateway.finder.find(project, execution_id)
    state, now = found.execution, gateway.clock()
    events = await _events(gateway, found, asked)
    waits = not state.ended
    workers = await _workers(gateway, state, asked) if waits else ()
    lined_up = waits and in_line(state, now) and not state.gated
    standing = await _standing(gateway, found, asked) if lined_up else None
    limits = await _limits(gateway, state, asked) if state.gated else ()
    stalled = (
        await asked("whether it makes progress", lambda: gateway.state.stalled(project, execution_id), None)
        if state.held and waits
        else None
    )
    return Facts(
        now=now, state=state, events=events, queue=_queue(gateway, state), workers=workers, standing=standing,
        limits=limits, stalled=stalled, failed_children=_failed_children(state), not_asked=tuple(asked.unanswered),
    )  # fmt: skip


class Asking:
    """Notes what could not be asked."""

    def __init__(self) -> None:
        self.unanswered: list[str] = []

    async def __call__(self, what: str, ask: Callable[[], Awaitable[T]], instead: T) -> T:
        """The answer, or `instead`."""
        try:
            return await ask()
        except Unavailable as error:
            self.unanswered.append(f"{what}: {error}")
            return instead


async def _events(gateway: Gateway, found: Log | Remembered, asked: Asking) -> tuple[ev.AnyEvent, ...]:
    stored = [item.event for item in found.stored] if isinstance(found, Log) else []
    if stored and stored[0].n == 1:
        return tuple(stored)
    state, nothing = found.execution, list[ev.AnyEvent]()
    older = await asked(
        "what happened to it longer ago", lambda: gateway.state.events(state.project, state.id), nothing
    )
    by_n = {event.n: event for event in (*older, *stored)}
    return tuple(by_n[n] for n in sorted(by_n))


async def _workers(gateway: Gateway, state: Execution, asked: Asking) -> tuple[WorkerFact, ...]:
    """Those heard here just now, and those that others remember."""
    here = [_heard(beat, state.id) for beat in gateway.presence.workers(state.project)]
    if any(state.queue in one.queues for one in here):
        return tuple(here)
    known = await asked(
        "which workers there were", lambda: gateway.state.workers(state.project), list[WorkerView]()
    )
    names = {one.worker_id for one in here}
    return (*here, *(_seen(view) for view in known if view.worker_id not in names))


def _heard(beat: Heartbeat, execution_id: str) -> WorkerFact:
    fact = _seen(shown(beat, beat.at))
    return msgspec.structs.replace(fact, holds=execution_id in beat.holds)


def _seen(view: WorkerView) -> WorkerFact:
    return WorkerFact(
        worker_id=view.worker_id, status=view.status, queues=view.queues, tasks=view.tasks, slots=view.slots,
        busy=view.busy, last_seen=view.last_seen,
    )  # fmt: skip


async def _standing(gateway: Gateway, found: Log | Remembered, asked: Asking) -> Standing | None:
    sequence = found.sequence if isinstance(found, Log) else found.position
    return await asked(
        "how many come before it", lambda: gateway.state.standing(found.execution, sequence), None
    )


async def _limits(gateway: Gateway, state: Execution, asked: Asking) -> tuple[LimitFact, ...]:
    """What does not admit it, as the keeper of the lines says."""
    question = limit_asking.Question(project=state.project, execution_id=state.id)
    line = await asked(
        "its limits", lambda: limit_asking.line(gateway.messages, question), limit_asking.Line()
    )
    return tuple(
        [
            _limit(why, [await _holder(gateway, state.project, one) for one in why.holders[:_SHOWN_HOLDERS]])
            for waiting in line.waiting
            for why in waiting.blocked_by
        ]
    )


async def _holder(gateway: Gateway, project: str, holder: Holder) -> HolderFact:
    """What a holder does with it; its log is not asked for long: who holds it is known anyhow."""
    try:
        log = await gateway.finder.log(project, holder.execution_id)
    except Unavailable:
        log = None
    state = log.execution if log is not None else None
    return HolderFact(
        execution_id=holder.execution_id, since=holder.since,
        worker_id=state.worker_id if state is not None and state.held else None,
        reason=state.reason if state is not None and not state.held else None,
    )  # fmt: skip


def _limit(why: limit_asking.BlockedBy, holders: list[HolderFact]) -> LimitFact:
    prefix, _, rest = why.key.partition(":")
    ours = f"{prefix}:" in {QUEUE, TASK, DEBOUNCE}
    rate = why.because == "rate"
    return LimitFact(
        kind="rate" if rate else prefix if ours else "key", name=rest if ours else why.key,
        most=(why.rate if rate else why.max) or 0, place=why.ahead + 1, behind=why.because == "behind",
        back_at=why.until, holders=tuple(holders), held=why.held,
    )  # fmt: skip


def _queue(gateway: Gateway, state: Execution) -> QueueFact:
    known = gateway.known.queue(state.project, state.queue)
    spec = gateway.known.specs.get(state.project, QueueSpec, state.queue)
    if spec is None:
        return QueueFact(name=state.queue, known=known)
    return QueueFact(
        name=state.queue, known=known, paused=spec.paused, paused_by=spec.paused_by, paused_since=spec.paused_since,
        paused_because=spec.paused_because,
    )  # fmt: skip


def _failed_children(state: Execution) -> tuple[str, ...]:
    failed: list[str] = []
    for name in state.wants:
        group = state.groups.get(name)
        places = int(group.bad, 16) if group else 0
        while group is not None and places and len(failed) < _SHOWN_CHILDREN:
            lowest = places & -places
            failed.append(ids.child_id(state.id, name, group.born, lowest.bit_length() - 1))
            places ^= lowest
    return tuple(failed)
