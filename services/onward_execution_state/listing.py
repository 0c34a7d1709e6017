"""What a list may be asked for, as arguments of its statement; and the cursor that goes on from a page."""

import base64
import binascii
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from onward.contract.errors import InvalidParameter
from onward.contract.execution import Status
from onward.contract.retention import month_of
from onward.contract.submission import PAGE
from onward_execution_state.database import Database
from onward_execution_state.statements import load

_SQL = load("queries.sql")
_FACETS = _SQL["facets"]
_MOST_FACETS = 2000
_FEW_FACETS = 300
"""So many are looked into one by one."""
_ENDED = _SQL["ended"]
_FEW_ENDED = 1000
"""So many are looked up by their ids; of more, a page is found soon among the newest."""
_MOST_LIVE = timedelta(days=1)
"""Where a page of what ended is looked for first: among what was made so shortly before."""
CLOCKS_APART = timedelta(hours=1)
"""How far the clocks of those who make and end executions may be apart, at the most."""
_OPEN = frozenset({Status.PENDING, Status.RUNNING})
_ENDED_BADLY = frozenset({Status.FAILED, Status.CANCELLED})
_PREFIX = re.compile(r"[0-9a-f-]{1,36}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ListQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of the query `list`: filters that all must hold, a page, and how fresh it has to be."""

    project: str
    status: tuple[Status, ...] = ()
    task: str | None = None
    queue: str | None = None
    environment: str | None = None
    agent_id: str | None = None
    team: str | None = None
    worker: str | None = None
    parent: str | None = None
    retried_from: str | None = None
    label: tuple[str, ...] = ()
    """`key=value` each."""
    since: datetime | None = None
    until: datetime | None = None
    ended_since: datetime | None = None
    """That a life of it ended from then on; a retry begins another life."""
    ended_until: datetime | None = None
    ended_as: Status | None = None
    """How that life ended, whatever became of it since."""
    error: str | None = None
    """The fingerprint of what it failed with."""
    stalled: bool | None = None
    q: str | None = None
    """The beginning of an id, or a part of a task's name."""
    limit: int = 50
    cursor: str | None = None
    min_position: int | None = None


class Narrowed(msgspec.Struct, frozen=True):
    """Which combinations of task, queue, environment, agent and team fit (`facets`), in the place of these filters.

    `like_q` are those whose task has the text of a `q` that may be the beginning of an id as well.
    """

    facets: list[int] | None = None
    like_q: list[int] | None = None
    ended: list[uuid.UUID] | None = None
    """All that have such an end (`ended`), where they are few."""


def arguments(
    question: ListQuestion, narrowed: Narrowed | None = None, *, rows: int | None = None
) -> tuple[Any, ...]:
    """The arguments of `list_executions`; one row more than the page shows whether another follows.

    With `rows`, so many instead of a page.
    """
    if not 1 <= question.limit <= PAGE:
        raise InvalidParameter(f"limit is {question.limit}", fix=f"use 1 to {PAGE}")
    wanted, by = frozenset(question.status), narrowed or Narrowed()
    low, high = _ids_like(question.q)
    created_at, last_id = _place(question.cursor)
    told = by.facets is not None
    # Said once, not twice: the planner would take it for two things, and expect far fewer rows than there are.
    ended_badly = [status.value for status in wanted] if wanted and wanted <= _ENDED_BADLY else None
    return (
        question.project, None if ended_badly else [status.value for status in wanted] or None,
        bool(wanted) and wanted <= _OPEN, ended_badly,
        *((None,) * 5 if told else _facet(question)), question.worker, uuid_of("parent", question.parent),
        _labels(question.label), question.since, _created_before(question),
        None if by.like_q is not None or (told and low is None) else question.q, low, high, created_at, last_id,
        rows or question.limit + 1, uuid_of("retried_from", question.retried_from), question.error,
        question.stalled, by.facets, by.like_q, by.ended, by.ended is None and _asks_for_ends(question),
        *_end(question), _filed_since(question),
    )  # fmt: skip


class Asked(NamedTuple):
    """A statement and its arguments."""

    statement: str
    arguments: tuple[Any, ...]
    wider: tuple[Any, ...] | None = None
    """Where these arguments do not fill a page, these do, if any do; at a greater cost."""


async def asked_of(database: Database, question: ListQuestion, *, rows: int | None = None) -> Asked:
    """The list's statement, narrowed to the combinations that occur, unless these are too many."""
    is_id = _ids_like(question.q)[0] is not None
    facets = like_q = None
    if question.q is not None and is_id:
        like_q = await _facets(database, question.project, (None,) * 5, question.q)
    text = None if is_id else question.q
    if text is not None or any(value is not None for value in _facet(question)):
        facets = await _facets(database, question.project, _facet(question), text)
    ended = await _ended(database, question, rows or _FEW_ENDED) if _asks_for_ends(question) else None
    few = ended is not None or _finds_few(question)
    one_by_one = facets is not None and len(facets) <= _FEW_FACETS and not few
    name = "list_in_facets" if one_by_one else "list_executions"
    narrowed = Narrowed(facets, like_q, ended)
    all_of_it = arguments(question, narrowed, rows=rows)
    if ended is not None or rows is not None or question.ended_since is None:
        return Asked(_SQL[name], all_of_it)
    lately = question.ended_since - _MOST_LIVE
    near = msgspec.structs.replace(question, since=max(question.since or lately, lately))
    return Asked(_SQL[name], arguments(near, narrowed), wider=all_of_it)


def _finds_few(question: ListQuestion) -> bool:
    """Whether a filter with an index of its own leaves so few that their combination is looked at last."""
    alone = question.worker, question.parent, question.retried_from, question.error, question.stalled
    return bool(question.label) or any(value is not None for value in alone)


def _asks_for_ends(question: ListQuestion) -> bool:
    return any(value is not None for value in _end(question))


def _end(question: ListQuestion) -> tuple[datetime | None, datetime | None, str | None]:
    return question.ended_since, question.ended_until, question.ended_as.value if question.ended_as else None


async def _ended(database: Database, question: ListQuestion, most: int) -> list[uuid.UUID] | None:
    """Those with such an end, or None where they are too many to be looked up."""
    kind = question.project, *_facet(question)
    found = await database.ask(_ENDED, *_end(question), *kind, most + 1)
    return list({row["execution_id"] for row in found}) if len(found) <= most else None


def _created_before(question: ListQuestion) -> datetime | None:
    """What ended before a moment was made before it: so a list of what ended long ago begins to look there."""
    ended = None if question.ended_until is None else question.ended_until + CLOCKS_APART
    return min((at for at in (question.until, ended) if at is not None), default=None)


def _filed_since(question: ListQuestion) -> date | None:
    """What ended lies in the month of its last end, or among what is open, which is the last of all."""
    return None if question.ended_since is None else month_of(question.ended_since - CLOCKS_APART)


def _facet(question: ListQuestion) -> tuple[str | None, ...]:
    return question.task, question.queue, question.environment, question.agent_id, question.team


async def _facets(
    database: Database, project: str, facet: tuple[str | None, ...], text: str | None
) -> list[int] | None:
    found = await database.ask(_FACETS, project, *facet, text, _MOST_FACETS + 1)
    return [row["facet"] for row in found] if len(found) <= _MOST_FACETS else None


def cursor_after(created_at: datetime, last_id: uuid.UUID) -> str:
    """The cursor of the page that follows this execution."""
    place = f"{(created_at - _EPOCH) // timedelta(microseconds=1)}:{last_id}"
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def id_range(prefix: str) -> tuple[uuid.UUID, uuid.UUID]:
    """The first and the last id that begin like this. Raises InvalidParameter."""
    digits = prefix.lower().replace("-", "")
    if not digits or len(digits) > 32 or _PREFIX.fullmatch(prefix.lower()) is None:
        raise InvalidParameter(f"{prefix[:80]!r} is no beginning of an id", fix="use 1 to 32 of 0-9 and a-f")
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def _ids_like(text: str | None) -> tuple[uuid.UUID | None, uuid.UUID | None]:
    try:
        return id_range(text) if text else (None, None)
    except InvalidParameter:
        return None, None


def _place(cursor: str | None) -> tuple[datetime | None, uuid.UUID | None]:
    if cursor is None:
        return None, None
    try:
        place = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        microseconds, _, last_id = place.partition(":")
        return _EPOCH + timedelta(microseconds=int(microseconds)), uuid.UUID(last_id)
    except (ValueError, OverflowError, binascii.Error):
        raise InvalidParameter(
            "the cursor is not one of ours", fix="use next_cursor of a page as it is"
        ) from None


def uuid_of(name: str, text: str | None) -> uuid.UUID | None:
    """The whole id in a filter. Raises InvalidParameter."""
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError:
        raise InvalidParameter(f"{name} {text!r} is no execution id", fix="use a whole id") from None


def _labels(pairs: tuple[str, ...]) -> str | None:
    wanted = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise InvalidParameter(f"label {pair!r} has no value", fix="use label=key=value")
        wanted[key] = value
    return msgspec.json.encode(wanted).decode() if wanted else None
