"""What a list of questions may be asked for, as arguments of its statement; and its cursor."""

import base64
import binascii
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from onward.contract.errors import InvalidParameter
from onward.contract.submission import PAGE
from onward_execution_state.asked import OPEN
from onward_execution_state.listing import uuid_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class QuestionsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of the query `questions`: filters that all must hold, a page, and how fresh it has to be."""

    project: str
    status: tuple[Literal["open", "answered", "expired", "withdrawn"], ...] = ()
    to: str | None = None
    execution_id: str | None = None
    task: str | None = None
    limit: int = 50
    cursor: str | None = None
    min_position: int | None = None


def arguments(asked: QuestionsQuestion) -> tuple[Any, ...]:
    """The arguments of `list_questions`; one row more than the page shows whether another follows."""
    if not 1 <= asked.limit <= PAGE:
        raise InvalidParameter(f"limit is {asked.limit}", fix=f"use 1 to {PAGE}")
    at, execution_id, n = _place(asked.cursor)
    return (
        asked.project, list(asked.status) or None, set(asked.status) == {OPEN}, asked.to,
        uuid_of("execution_id", asked.execution_id), asked.task, at, execution_id, n, asked.limit + 1,
    )  # fmt: skip


def cursor_after(asked_at: datetime, execution_id: uuid.UUID, n: int) -> str:
    """The cursor of the page that follows this question."""
    place = f"{(asked_at - _EPOCH) // timedelta(microseconds=1)}:{execution_id}:{n}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> tuple[datetime | None, uuid.UUID | None, int | None]:
    if cursor is None:
        return None, None, None
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, execution_id, n = place.split(":")
        return _EPOCH + timedelta(microseconds=int(at)), uuid.UUID(execution_id), int(n) & 0x7FFFFFFF
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidParameter(
            "the cursor is not one of ours", fix="use next_cursor of a page as it is"
        ) from None
