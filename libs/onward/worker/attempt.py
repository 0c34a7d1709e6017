"""One hint, from delivery to verdict: claim, read, run, append the outcome; who called acks."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial

import msgspec

from onward.bus.begin_permits import BeginPermit, anything
from onward.bus.ports import EventLog, Lines, Objects
from onward.contract import events as ev
from onward.contract.decide import (
    AskOwner,
    Claim,
    Done,
    Finish,
    Hint,
    Moment,
    Owner,
    attempt_ended_badly,
    envelope,
    failing,
    last,
    lets_go,
    meet,
    owner_silent,
)
from onward.contract.errors import FenceLost
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.limit import LimitPolicy
from onward.contract.log import Decision, Log, Stored
from onward.contract.policies import DENIED
from onward.tasks import variables
from onward.tasks.registry import Registry
from onward.telemetry import scope
from onward.telemetry.trace import exporting, note, note_failure, span, traceparent
from onward.worker import undo
from onward.worker.alone import Alone, is_suspect
from onward.worker.hold import Cancelling, Hold, Lost
from onward.worker.kinship import Kin
from onward.worker.large import Large
from onward.worker.logs import LineWriter, current_writer
from onward.worker.perform import Outcome, Raised, Returned, Stopped, perform
from onward.worker.permit import Permit
from onward.worker.scrub import NOTHING_SECRET
from onward.worker.send import Sender
from onward.worker.session import Session
from onward.worker.surroundings import Nowhere, Surroundings
from onward.worker.undo import Undo, UndoSession


class Ack(msgspec.Struct, frozen=True):
    """The hint has done its work, or has none left to do."""


class Again(msgspec.Struct, frozen=True):
    """Somebody, or this worker later, has to look once more."""

    because: str
    after: float | None = None
    """Seconds in which nobody should have it; None: this worker waits before it gives it back."""


class LetGo(msgspec.Struct, frozen=True):
    """Neither ack nor nak: another worker's renewals carry it, or the fence was lost."""


Verdict = Ack | Again | LetGo


async def _tells_nobody(_project: str, _execution_id: str) -> None:
    """Until the engine that it works for is there."""


def _no_limits(_: Execution) -> tuple[LimitPolicy, ...]:
    return ()


class Env(msgspec.Struct, kw_only=True):
    """What an attempt needs of its worker."""

    events: EventLog
    lines: Lines
    objects: Objects
    registry: Registry
    owner: Owner
    moment: Callable[[], Moment]
    random: Callable[[], float]
    alive: Callable[[str, str], Awaitable[bool]]
    """Whether a worker still runs an execution: (worker id, execution id)."""
    holds: dict[str, "Running"]
    claiming: set[str] = msgspec.field(default_factory=set)
    """Executions whose claim is on its way: they may be ours, and nobody knows yet."""
    nudge: Callable[[str, str], Awaitable[None]] = _tells_nobody
    """Tells whoever runs an execution to look at its log: (project, execution id)."""
    now: Callable[[], datetime]
    places: Surroundings = Nowhere(NOTHING_SECRET)
    """The environments that executions run in."""
    kin: Kin = msgspec.UNSET  # type: ignore[assignment] # the engine sets it
    alone: Alone = msgspec.UNSET  # type: ignore[assignment] # the same
    """Turns for what may be a poison."""
    grace: float = 5.0
    permit: Permit | None = None
    """Asked before a step that names a policy."""
    may_begin: BeginPermit = anything
    """Asked before a child begins."""
    gates: Callable[[Execution], tuple[LimitPolicy, ...]] = _no_limits
    """The limits that its queue and its task have now."""


class Running(msgspec.Struct, frozen=True):
    """An execution that runs in this process."""

    hint: Hint
    hold: Hold
    session: Session
    writer: LineWriter


async def attend(hint: Hint, env: Env) -> Verdict:
    """Claim the execution a hint points at, run it, append what became of it."""
    log = await _look(hint, env)
    if log is None or not is_suspect(log.execution):
        return await _attended(log, hint, env)
    if env.alone.taken:
        return Again("another one that may be a poison has its turn", after=1.0)
    async with env.alone.turn():
        return await _attended(await env.events.read_on(log), hint, env)


async def _attended(log: Log | None, hint: Hint, env: Env) -> Verdict:
    while log is not None:
        try:
            return await _act(log, hint, env)
        except FenceLost as lost:
            log = await env.events.read_on(log, floor=lost.floor)
    return Ack()  # purged: it ended longer ago than the horizon


async def _look(hint: Hint, env: Env) -> Log | None:
    if hint.submitted is not None:
        # The claim is fenced by the sequence of this one event: if it is accepted, the log held no other.
        return Log(
            stored=(Stored(hint.floor, hint.submitted),),
            execution=fold((hint.submitted,)),
            sequence=hint.floor,
        )
    return await env.events.read(hint.project, hint.execution_id, route=hint.route, floor=hint.floor)


async def _act(log: Log, hint: Hint, env: Env) -> Verdict:
    state = log.execution
    match meet(state, hint, env.owner, env.moment(), env.gates(state)):
        case Done():
            return Ack()
        case AskOwner(worker_id):
            own_hint = state.work_sequence == hint.work_sequence
            if await env.alive(worker_id, state.id):
                return LetGo() if own_hint else Ack()
            await _append(log, owner_silent(state, env.moment()), env)
            return Ack()
        case Finish(events):
            await _append(log, events, env)
            return Ack()
        case Claim(events):
            if state.task not in env.registry.tasks:
                return Again(f"no task {state.task} here")
            return await _claim(log, events, hint, env)


async def _claim(log: Log, events: tuple[ev.AnyEvent, ...], hint: Hint, env: Env) -> Verdict:
    state = log.execution
    scope.cause.set(state.trace)
    with _attempt_span(log, events):
        if exporting():
            events = tuple(msgspec.structs.replace(event, trace=traceparent()) for event in events)
        env.claiming.add(state.id)
        try:
            claimed = log.then(events, await _append(log, events, env))
        finally:
            # Nothing else runs before what follows holds it.
            env.claiming.discard(state.id)
        large = Large(env.objects, state.project, state.id, state.parent_id)
        hold = Hold(env.events, claimed, env.moment, large)
        return await _run(hold, hint, env)


def _attempt_span(log: Log, events: tuple[ev.AnyEvent, ...]) -> AbstractContextManager[object]:
    if not exporting():
        return nullcontext()
    state = log.execution
    return span(
        "onward.attempt",
        parent=state.trace,
        link=next((s.event.trace for s in reversed(log.stored) if isinstance(s.event, ev.Started)), None),
        kind="consumer",
        forget=FenceLost,  # somebody else claimed it
        execution_id=state.id,
        execution_task=state.task,
        execution_attempt=next((event.attempt for event in events if isinstance(event, ev.Started)), None),
    )


async def _append(log: Log, events: tuple[ev.AnyEvent, ...], env: Env) -> int:
    state = log.execution
    return await env.events.append(
        Decision(project=state.project, execution_id=state.id, expected=log.sequence, events=events)
    )


async def _run(hold: Hold, hint: Hint, env: Env) -> Verdict:
    state = hold.state
    task = env.registry.tasks[state.task]
    sender = Sender(env.events, state.project, env.moment, env.nudge)
    running: Running | None = None
    try:
        while True:
            writer = _writer(hold, env)
            kind = UndoSession if hold.state.undoing else Session
            session = kind(hold, writer, env.random, env.kin, send=sender.send, on_drift=task.on_drift)
            session.permit = env.permit
            running = env.holds[state.id] = Running(hint, hold, session, writer)
            writer.on_lost = partial(session.interrupt, "lost")
            token = current_writer.set(writer)
            variables.current.set(env.places.variables(state.project, state.environment))
            try:
                if isinstance(session, UndoSession):
                    outcome: Outcome = await Undo(hold, session, writer, env.registry).run(env.grace)
                else:
                    outcome = await perform(task, session, state.input, env.grace)
            finally:
                current_writer.reset(token)
                await writer.close()  # before the outcome: a log is whole when its execution has ended
            if await _record(outcome, hold, session, env):
                return Ack()
            session.over()
    except Lost:
        return LetGo()
    finally:
        if running is not None:
            running.session.over()
        # A lost attempt may still wind up while this worker runs the next one.
        if env.holds.get(state.id) is running:
            del env.holds[state.id]


def _writer(hold: Hold, env: Env) -> LineWriter:
    state = hold.state
    return LineWriter(
        env.lines,
        state.project,
        state.id,
        state.attempt,
        env.owner.worker_id,
        env.now,
        scrub=env.places.scrubber(state.project, state.environment),
    )


async def _record(outcome: Outcome, hold: Hold, session: Session, env: Env) -> bool:
    """Append what became of the attempt; False when this worker has more to do with it."""
    _note(outcome)
    if isinstance(outcome, Stopped) and outcome.why == "lost":
        raise Lost(hold.state.id)
    if isinstance(outcome, Returned):
        # Before the event that names it; an end that loses the fence leaves it to the clean-up.
        outcome = Returned(await hold.large.keep(outcome.output, "the result"))
    try:
        await hold.append(lambda state: _ending(outcome, state, session, env))
    except Cancelling:
        if hold.state.undoing:
            return False  # not to its code: its steps are undone first
        await hold.append(
            lambda state: (ev.Cancelled(**last(state, env.moment(), "cancelled")),), ends_cancel=True
        )
        return True
    # Not "held": an append whose outcome was unknown may be stored, and woken and claimed by somebody since.
    return not hold.ours


def _note(outcome: Outcome) -> None:
    match outcome:
        case Returned():
            note(execution_outcome="returned")
        case Raised(error):
            note(execution_outcome="raised")
            note_failure(error.type)
        case Stopped(why):
            note(execution_outcome=why)


def _ending(outcome: Outcome, state: Execution, session: Session, env: Env) -> tuple[ev.AnyEvent, ...]:
    moment = env.moment()
    match outcome:
        case Returned(output):
            return _completed(state, moment, output, session)
        case Raised(error, after):
            return attempt_ended_badly(state, moment, error, env.random, after)
        case Stopped("suspend"):
            return session.suspension(state)
        case Stopped("hold") if session.error is not None:
            return (ev.Failed(**last(state, moment, "held"), reason="held", error=session.error),)
        case Stopped("denied") if session.error is not None:
            return (failing(state, moment, DENIED, session.error),)
        case Stopped("undo"):
            return (undo.ending(session.hold.log, moment, env.owner.worker_id),)
        case Stopped("pause"):
            # Nothing where it was resumed meanwhile: the code runs on.
            return (ev.Suspended(**lets_go(state, moment), reason="paused"),) if state.paused else ()
        case Stopped():
            # A drain. A cancel does not come this far: it is in the log, and appending finds it (Cancelling).
            fields = envelope(state, moment, wake=state.route)
            return (ev.Released(**fields, attempt=state.attempt, worker_id=env.owner.worker_id),)


def _completed(
    state: Execution, moment: Moment, output: msgspec.Raw, session: Session
) -> tuple[ev.AnyEvent, ...]:
    if not session.unused:
        return (ev.Completed(**last(state, moment, "completed"), output=output),)
    drifted = ev.Drifted(
        **envelope(state, moment), attempt=state.attempt, kind="unused", steps=session.unused
    )
    return (drifted, ev.Completed(**last(state, moment, "completed", ahead=2), output=output))


async def notice(running: Running) -> None:
    """Look at the log of a running execution: an answer, a cancel, or another owner may be there."""
    try:
        await running.hold.refresh()
    except Lost:
        running.session.interrupt("lost")
    except Cancelling:
        running.session.interrupt("cancel")
    else:
        running.session.noticed(running.hold.state)
