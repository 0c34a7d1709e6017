"""The promises about children, undoing, and what comes from outside; checked on logs alone (see checker.py).

I11 family: a child is what its parent decided on, by place; each end that a parent was told of happened, for the life
   that it was told to; nothing that a parent leaves behind runs on; every child ends.
I17 undoing: what was done is undone once, the latest first, and before the end for which it is undone.
I12 inputs: an event from outside counts once, and is used or kept; a question has one answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from onward.contract import events as ev
from onward.contract import ids
from onward.contract.errors import BrokenLog
from onward.contract.execution import Execution, Wait
from onward.contract.family import child_end
from onward.contract.lifecycle import Refused, advance
from onward.contract.lifecycle.changes import step_id
from onward.contract.lifecycle.guards import UNDO

Broken = tuple[str, str, str]
"""Invariant, execution, and what is wrong."""
Logs = Mapping[str, Sequence[ev.AnyEvent]]
LEFT_BEHIND = timedelta(seconds=90)
"""How soon after the end of its parent a child is no longer claimed, whatever keeps the family keeper from its work."""


def folded(log: Sequence[ev.AnyEvent]) -> Iterator[tuple[ev.AnyEvent, Execution | None, Execution]]:
    """Each event with the state before and after it, as far as the log can be folded."""
    state: Execution | None = None
    for event in log:
        try:
            after = advance(state, event)
        except BrokenLog:
            return
        if isinstance(after, Refused):
            return
        yield event, state, after
        state = after


# I11


def families(logs: Logs, *, at_rest: bool) -> list[Broken]:
    """What is wrong between parents and children."""
    found: list[Broken] = []
    decided = {parent: _decided(log) for parent, log in logs.items()}
    for execution_id, log in logs.items():
        begun = log[0]
        if isinstance(begun, ev.Submitted) and begun.child_of is not None:
            whose = begun.child_of
            if execution_id not in decided.get(whose.parent_id, {}):
                found.append(
                    ("I11", execution_id, f"no parent decided on child {whose.index} of {whose.group}")
                )
            if at_rest and not _final(log):
                found.append(("I11", execution_id, "a child that never ended"))
            found += _ran_on(execution_id, log, logs.get(whose.parent_id, ()))
    for parent, log in logs.items():
        found += _told(parent, log, logs)
        if at_rest and (left := set(decided[parent]) - set(logs)):
            found.append(("I11", parent, f"{len(left)} children were decided on and never created"))
    return found


def _decided(log: Sequence[ev.AnyEvent]) -> dict[str, ev.ChildrenSpawned]:
    made: dict[str, ev.ChildrenSpawned] = {}
    for event, _, state in folded(log):
        if isinstance(event, ev.ChildrenSpawned):
            born = state.groups[event.group].born
            for index in range(event.first, event.first + len(event.inputs)):
                made[ids.child_id(state.id, event.group, born, index)] = event
    return made


def _final(log: Sequence[ev.AnyEvent]) -> bool:
    state = _end_of(log)
    return state is not None and state.final


def _end_of(log: Sequence[ev.AnyEvent]) -> Execution | None:
    return next(iter([after for _, _, after in folded(log)][-1:]), None)


def _told(parent: str, log: Sequence[ev.AnyEvent], logs: Logs) -> Iterator[Broken]:
    for event in log:
        for end in event.ends if isinstance(event, ev.ChildrenDone) else ():
            child = logs.get(ids.child_id(parent, end.group, end.born, end.index), ())
            happened = [child_end(one) for one in child]
            if not any(h and (h.outcome, h.life) == (end.outcome, end.life) for h in happened):
                what = f"was told that child {end.index} of {end.group} {end.outcome} for life {end.life}: it did not"
                yield ("I11", parent, what)


def _ran_on(child: str, log: Sequence[ev.AnyEvent], parent: Sequence[ev.AnyEvent]) -> Iterator[Broken]:
    """A child whose group ended with its parent's life, or was forgotten by the next, runs no more."""
    over = None
    whose = log[0].child_of if isinstance(log[0], ev.Submitted) else None
    for event, _, after in folded(parent):
        group = after.groups.get(whose.group) if whose else None
        belongs = group is not None and whose is not None and group.born == whose.born
        if isinstance(event, ev.TERMINAL) and after.final and belongs and group is not None:
            over = event.at if group.policy == "cancel" else None
        elif isinstance(event, ev.RetryRequested) and belongs:
            over = None
    if over is not None:
        late = [e for e in log if isinstance(e, ev.Started | ev.Completed) and e.at > over + LEFT_BEHIND]
        undoes = any(isinstance(e, ev.CheckpointReached) and e.kind == UNDO for e in log)
        by_hand = any(isinstance(e, ev.RetryRequested) and e.life is None for e in log)
        if late and not (undoes or by_hand):
            yield ("I11", child, f"went on {late[0].at - over} after the end of its parent")


# I17


def undoing(execution_id: str, log: Sequence[ev.AnyEvent]) -> Iterator[Broken]:
    """What is wrong with how an execution's steps were undone."""
    given_up: set[str] = set()
    for event, before, _ in folded(log):
        match event:
            case ev.RetryRequested():
                given_up = set()
            case ev.StepFailed(scope=scope, delay_ms=None) if scope == UNDO:
                given_up.add(f"{event.key.rpartition('|')[0]}|{event.name}|{event.key.rpartition('|')[2]}")
            case ev.CheckpointReached(kind=kind) if kind == UNDO:
                left = _left(before, given_up)
                if not left or step_id(event) != max(left, key=lambda step: left[step]):
                    yield ("I17", execution_id, f"{step_id(event)} was undone out of turn: {sorted(left)}")
            case ev.Failed() | ev.Cancelled():
                held = isinstance(event, ev.Failed) and event.reason == "held"
                if not held and (left := _left(before, given_up)):
                    yield ("I17", execution_id, f"ended, and {sorted(left)} are not undone")


def _left(state: Execution | None, given_up: set[str]) -> dict[str, int]:
    return {} if state is None else {step: n for step, n in state.undoable.items() if step not in given_up}


# I12


def inputs(execution_id: str, log: Sequence[ev.AnyEvent]) -> Iterator[Broken]:
    """What is wrong with what an execution was given."""
    keys: set[str] = set()
    came = 0
    used: dict[tuple[str, int], Wait] = {}
    yield from _answers(execution_id, log)
    for event, _, state in folded(log):
        if isinstance(event, ev.EventReceived):
            came += 1
            if event.key is not None and event.key in keys:
                yield ("I12", execution_id, f"the event {event.key} came twice")
            keys.add(event.key or "")
        used |= {(key, wait.n): wait for key, wait in state.waits.items() if wait.event and _given(wait)}
    if (last := _end_of(log)) is None:
        return
    kept = sum(len(items) for items in last.inbox.values())
    if isinstance(log[0], ev.Submitted) and came != len(used) + kept:
        yield ("I12", execution_id, f"{came} events came, {len(used)} were used and {kept} are kept")


def _answers(execution_id: str, log: Sequence[ev.AnyEvent]) -> Iterator[Broken]:
    """Looks at the log as it is stored: with two answers it may be none that can be folded."""
    answered: set[str] = set()
    for event in log:
        if isinstance(event, ev.QuestionAsked):
            answered.discard(event.wait)
        elif isinstance(event, ev.RetryRequested):
            answered.clear()
        elif isinstance(event, ev.Answered):
            if event.wait in answered:
                yield ("I12", execution_id, f"the question {event.wait} was answered twice")
            answered.add(event.wait)


def _given(wait: Wait) -> bool:
    return wait.done and not wait.expired
