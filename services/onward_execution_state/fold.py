"""A batch of stored messages made into rows: pure, and the same whatever order they come in (PROTOCOL J1)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from onward.bus.ports import Raw
from onward.contract import events as ev
from onward.contract import subjects
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance
from onward_execution_state.asked import QuestionRow, changed_questions
from onward_execution_state.ended import EndRow, end_of
from onward_execution_state.filing import Place


class Known(msgspec.Struct, frozen=True):
    """What is folded of one execution, and the EVENTS sequences of its last event in there and of its beginning.

    The beginning is the first event, or a later `carried`: nothing before it is needed to read the log (PROTOCOL T2).
    `stopped`: its next event could not be folded, so nothing after that is, either (PROTOCOL V2).
    """

    state: Execution
    sequence: int
    base: int
    stopped: bool = False
    questions: dict[int, QuestionRow] = {}
    """Its questions that this fold has changed, by the n of the event that asked."""
    ends: tuple[EndRow, ...] = ()
    """Its ends that this fold has come by."""
    place: Place | None = None
    """Where its row lies; None where it has none."""


class Arrived(msgspec.Struct, frozen=True):
    """A message that is an event."""

    raw: Raw
    event: ev.AnyEvent


class Bad(msgspec.Struct, frozen=True):
    """A message that is no event, or one that may not follow: kept raw, and shown."""

    raw: Raw
    why: str


class Folded(msgspec.Struct, frozen=True):
    """What a batch comes to: executions that moved on, and those to be folded again from all their events."""

    changed: dict[str, Known]
    gaps: set[str]
    bad: list[Bad]


def read(batch: Iterable[Raw]) -> tuple[list[Arrived], list[Bad]]:
    """The events in a batch; and what cannot be read, or lies under another execution's subject."""
    arrived, bad = [], []
    for raw in batch:
        try:
            event = ev.decode(raw.data)
            owner = subjects.event_owner(raw.subject)
        except (msgspec.MsgspecError, ValueError, IndexError) as error:
            bad.append(Bad(raw, f"unreadable: {error}"))
            continue
        if owner == (event.project, event.execution_id):
            arrived.append(Arrived(raw, event))
        else:
            bad.append(Bad(raw, f"speaks for {event.project}/{event.execution_id}"))
    return arrived, bad


def fold(arrived: Sequence[Arrived], known: Mapping[str, Known | None]) -> Folded:
    """Applies each event that is the next of its execution; what was seen before changes nothing."""
    folded = Folded(changed={}, gaps=set(), bad=[])
    changed = folded.changed
    for item in arrived:
        event = item.event
        before = changed.get(event.execution_id) or known[event.execution_id]
        if before is not None and (before.stopped or event.n <= before.state.n):
            continue
        if not _continues(before, event):
            folded.gaps.add(event.execution_id)
            continue
        if before is not None and event.execution_id not in changed and (before.questions or before.ends):
            before = msgspec.structs.replace(before, questions={}, ends=())
        after = advance(before.state if before else None, event)
        if not isinstance(after, Refused):
            changed[event.execution_id] = _reached(after, item, before)
            continue
        folded.bad.append(_refused(item, after))
        if before is not None:
            changed[event.execution_id] = msgspec.structs.replace(before, stopped=True)
    return folded


def fold_again(stored: Iterable[Arrived]) -> tuple[Known | None, Bad | None]:
    """What the stored events of one execution, in order of `n`, fold to, and the one that may not follow.

    Stops at a missing ordinal, and goes on behind it only from a `carried`: that stands for all before it.
    """
    reached: Known | None = None
    for item in stored:
        follows = _continues(reached, item.event)
        if not follows and not _begins_anew(item.event):
            continue
        before = reached if follows else None
        after = advance(before.state if before else None, item.event)
        if isinstance(after, Refused):
            stopped = msgspec.structs.replace(reached, stopped=True) if reached else None
            return stopped, _refused(item, after)
        reached = _reached(after, item, before)
    return reached, None


def _continues(before: Known | None, event: ev.AnyEvent) -> bool:
    if before is None:
        return event.n == 1 or _begins_anew(event)
    return event.n == before.state.n + 1


def _begins_anew(event: ev.AnyEvent) -> bool:
    return isinstance(event, ev.Carried) and event.part == 1


def _reached(state: Execution, item: Arrived, before: Known | None) -> Known:
    sequence = item.raw.sequence
    questions = before.questions if before else {}
    if told := list(changed_questions(before.state if before else None, state, item.event)):
        questions = {**questions, **{row.n: row for row in told}}
    ends = before.ends if before else ()
    if (end := end_of(state, item.event)) is not None:
        ends = (*ends, end)
    base = sequence if before is None or _begins_anew(item.event) else before.base
    return Known(
        state, sequence, base, questions=questions, ends=ends, place=before.place if before else None
    )


def _refused(item: Arrived, refused: Refused) -> Bad:
    return Bad(item.raw, f"event {item.event.n} may not be folded: {refused.because}")
