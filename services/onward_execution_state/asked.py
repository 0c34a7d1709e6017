"""The questions of executions as rows: what each event makes of them. Pure, and the same in any order of batches."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from onward.contract import events as ev
from onward.contract.execution import Execution, Wait
from onward.contract.view import QuestionView

OPEN, ANSWERED, EXPIRED, WITHDRAWN = "open", "answered", "expired", "withdrawn"


class QuestionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One question after the event `version`."""

    n: int
    version: int
    project: str
    remind_at: datetime | None
    shown: QuestionView


def changed_questions(
    before: Execution | None, after: Execution, event: ev.AnyEvent
) -> Iterable[QuestionRow]:
    """The questions that one event has made, changed or ended."""
    earlier = before.waits if before is not None else {}
    if after.waits is earlier:
        return
    if before is None and isinstance(event, ev.Carried):
        yield from _carried(after)
        return
    for key, wait in after.waits.items():
        if wait.kind == "question" and earlier.get(key) is not wait:
            yield _row(
                after, key, wait, status=_status(wait), version=event.n, at=event.at,
                reminded_at=event.at if isinstance(event, ev.QuestionReminded) else None,
            )  # fmt: skip
    for key, wait in earlier.items():
        if wait.kind == "question" and not wait.done and key not in after.waits:
            yield _row(after, key, wait, status=WITHDRAWN, version=event.n, at=event.at)


def _status(wait: Wait) -> str:
    if not wait.done:
        return OPEN
    return EXPIRED if wait.expired else ANSWERED


def _carried(state: Execution) -> Iterable[QuestionRow]:
    # What is known where the events are gone: the oldest version there can be, so that any event that is found wins.
    for key, wait in state.waits.items():
        if wait.kind == "question":
            yield _row(state, key, wait, status=_status(wait), version=wait.n)


def _row(
    state: Execution, key: str, wait: Wait, *, status: str, version: int, at: datetime | None = None,
    reminded_at: datetime | None = None,
) -> QuestionRow:  # fmt: skip
    asked_at = wait.asked_at or state.created_at
    remind = status == OPEN and wait.remind_every is not None
    shown = QuestionView(
        execution_id=state.id, question_id=key, task=state.task, status=status, text=wait.text or "",
        choices=list(wait.choices), schema=wait.schema, to=wait.to, asked_at=asked_at, deadline=wait.until,
        default=wait.default, remind_every=wait.remind_every, reminded=wait.reminded, answer=wait.answer,
        answered_by=wait.answered_by, ended_at=None if status == OPEN else at,
    )  # fmt: skip
    return QuestionRow(
        n=wait.n, version=version, project=state.project, shown=shown,
        remind_at=(reminded_at or asked_at) + timedelta(seconds=wait.remind_every or 0.0) if remind else None,
    )  # fmt: skip
