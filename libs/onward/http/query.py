"""Query strings as Structs: every parameter is known, typed and bounded, or the request is refused."""

import difflib
import functools
import math
import types
import typing
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from onward.contract.errors import InvalidParameter, OnwardError
from onward.http.problems import FieldError, blaming

T = TypeVar("T", bound=msgspec.Struct)
_MOST = 64


def read_query(text: bytes, kind: type[T]) -> T:
    """The parameters in `text`; raises InvalidParameter for one that `kind` does not know, or that does not fit."""
    given: dict[str, Any] = {}
    known = _known(kind)
    for name, value in _pairs(text):
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            fix = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known) or 'none'}"
            raise _wrong(name, f"there is no parameter {name[:80]!r}", fix)
        if "\0" in value:
            raise _wrong(name, "a NUL character matches nothing")
        if known[name]:
            given.setdefault(name, []).append(value)
        elif name in given:
            raise _wrong(name, "this parameter is given twice")
        else:
            given[name] = value
    try:
        query = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$.")
        raise _wrong(path.rstrip("`").partition("[")[0] or "query", what) from None
    for name in given:
        value = getattr(query, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(name, "this is no number")
    return query


@functools.cache
def _known(kind: type[msgspec.Struct]) -> dict[str, bool]:
    """Its parameters, and which of them may be given more than once."""
    return {field.name: _is_list(field.type) for field in msgspec.structs.fields(kind)}


def _pairs(text: bytes) -> list[tuple[str, str]]:
    if not text:
        return []
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except ValueError:
        raise InvalidParameter("the query string cannot be read", fix="percent-encode it as UTF-8") from None


def _is_list(kind: Any) -> bool:
    options = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    return any((typing.get_origin(option) or option) in {list, tuple} for option in options)


def _wrong(name: str, what: str, fix: str = "") -> OnwardError:
    return blaming(InvalidParameter(f"{name[:80]}: {what}", fix=fix), FieldError(name[:80], what))
