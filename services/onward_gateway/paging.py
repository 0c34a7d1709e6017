"""Pages of a list that is derived as a whole: the cursor is how many items came before."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from onward.contract.errors import InvalidParameter
from onward.contract.submission import PAGE

T = TypeVar("T")


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is asked for."""

    cursor: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = PAGE


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


def page_of(kind: Any) -> Any:
    """The type of a page of `kind`."""
    return Page[kind]


def page(items: Sequence[T], asked: Paging) -> Page[T]:
    """The part of `items` that is asked for. Raises InvalidParameter."""
    start = _start(asked.cursor)
    part = list(items[start : start + asked.limit])
    end = start + len(part)
    return Page(items=part, next_cursor=str(end) if part and end < len(items) else None)


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise InvalidParameter(
            "cursor: it is none of ours", fix="give back the next_cursor of the page before"
        )
    return int(cursor)
