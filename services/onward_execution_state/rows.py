"""An execution as a row: the columns that lists filter and sort by, and its whole state as JSON."""

from collections.abc import Iterable
from typing import Any

import msgspec

from onward.contract.events import event_type
from onward.contract.execution import Execution, Status
from onward.contract.fingerprint import fingerprint_of
from onward_execution_state.asked import QuestionRow
from onward_execution_state.ended import EndRow, Kind, number_of
from onward_execution_state.filing import place_at, place_of
from onward_execution_state.fold import Arrived, Known

NUL, SHOWN_NUL = "\x00", "\ufffd"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Execution)

Columns = list[Any]
_EVENT_NUMBERS = (1, 3)
_EXECUTION_NUMBERS = (2, 3, 4, 7, 13, 22, 23, 33, 34)
_END_NUMBERS = (1, 3, 5, 6, 8, 9)


def event_columns(arrived: Iterable[Arrived]) -> Columns:
    """One list per column of `events`, in the order of the statement that inserts them."""
    rows = [
        (event.execution_id, event.n, event.project, raw.sequence, event_type(event), event.at, raw.data)
        for raw, event in ((item.raw, item.event) for item in arrived)
    ]
    return _columns(rows, _EVENT_NUMBERS)


def execution_columns(changed: Iterable[Known]) -> Columns:
    """One list per column of `executions`, in the order of the statement that upserts them."""
    return _columns(
        [row_of(known.state, known.sequence, known.base) for known in changed], _EXECUTION_NUMBERS
    )


def question_columns(found: Iterable[tuple[Execution, QuestionRow]]) -> Columns:
    """One list per column of `questions`, in the order of the statement that upserts them."""
    made = [(*_question(row), *place_at(state, row.shown.asked_at)) for state, row in found]
    return [list(column) for column in zip(*made, strict=True)]


def end_columns(found: Iterable[tuple[Execution, EndRow]]) -> Columns:
    """One list per column of `ends`, in the order of the statement that inserts them."""
    rows = [
        (
            end.execution_id, end.n, end.at, number_of(end.kind), end.outcome, end.wait_ms, end.duration_ms,
            plain(end.fingerprint), *place_at(state, end.at),
        )
        for state, end in found
    ]  # fmt: skip
    return _columns(rows, _END_NUMBERS)


def kind_columns(kinds: Iterable[Kind]) -> Columns:
    """One list per column of `kinds`, in the order of the statement that inserts them."""
    rows = [(number_of(kind), *map(plain, kind)) for kind in kinds]
    return _columns(rows, ())


def margin_columns(found: Iterable[tuple[Any, ...]]) -> Columns:
    """One list per column of `kinds`, the margin included."""
    return _columns(list(found), ())


def size_of(columns: Columns) -> list[int]:
    """How many bytes each execution's state takes."""
    return [len(state) for state in columns[-1]]


def state_of(row_state: bytes) -> Execution:
    """The execution in the column `state`."""
    return _decoder.decode(row_state)


def _columns(rows: list[tuple[Any, ...]], numbers: tuple[int, ...]) -> Columns:
    """The rows as columns; those of numbers and places as array literals, a quarter of the cost of lists."""
    columns: Columns = [list(column) for column in zip(*rows, strict=True)]
    for place in numbers:
        told = ["NULL" if value is None else str(value) for value in columns[place]]
        columns[place] = f"{{{','.join(told)}}}"
    return columns


def row_of(state: Execution, sequence: int, base: int) -> tuple[Any, ...]:
    """One row of `executions`, in the order of the statement that upserts them."""
    return (
        state.id, state.project, state.n, sequence, base, state.status.value, plain(state.reason),
        state.ready, plain(state.task), plain(state.task_id), state.queue, state.route,
        plain(state.environment), state.priority,
        _labels(state.labels), plain(state.source), plain(state.submitted_by), state.parent_id, state.root_id,
        state.retried_from, plain(state.agent_id), plain(state.team_id), state.attempt, state.retry.attempts,
        plain(state.worker_id), plain(state.error.type) if state.error else None, state.created_at,
        state.updated_at, state.first_started_at, state.completed_at, state.due,
        state.status.value if state.ended else None, _fingerprint(state), *place_of(state), _encoder.encode(state),
    )  # fmt: skip


def _fingerprint(state: Execution) -> str | None:
    if state.status is not Status.FAILED or state.error is None:
        return None
    return plain(fingerprint_of(state.error))


def plain(text: str | None) -> str | None:
    """The text without NUL, which Postgres keeps in no text; `state` has it as it was."""
    return text.replace(NUL, SHOWN_NUL) if text and NUL in text else text


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return "{}"
    return _encoder.encode({plain(key): plain(value) for key, value in labels.items()}).decode()


def _question(row: QuestionRow) -> tuple[Any, ...]:
    shown = row.shown
    return (
        shown.execution_id, row.n, row.version, row.project, plain(shown.task), plain(shown.question_id),
        shown.status, plain(shown.to), shown.asked_at, row.remind_at, shown.reminded, _encoder.encode(shown),
    )  # fmt: skip
