"""Values held to the JSON Schemas of tasks and questions: compiled once, nothing fetched, linear patterns."""

import logging
from typing import Any

import jsonschema_rs
import msgspec

from onward.contract.errors import InvalidInput, OnwardError
from onward.http.problems import FieldError, blaming

log = logging.getLogger(__name__)

_MOST_ERRORS = 20
_LONGEST = 300
_BACKTRACKS = 20_000


def compiled(schema: bytes, what: str) -> Any:
    """A validator, or None for a schema that is none: then the worker's own check is the only one."""
    try:
        return _validator(msgspec.json.decode(schema))
    except (
        jsonschema_rs.ValidationError,
        jsonschema_rs.ReferencingError,
        ValueError,
        msgspec.MsgspecError,
    ) as error:
        log.warning("the schema of %s cannot be used: %s", what, str(error)[:_LONGEST])
        return None


def _validator(schema: Any) -> Any:
    options: dict[str, Any] = {"offline": True, "mask": "the value"}
    try:
        return jsonschema_rs.validator_for(schema, pattern_options=jsonschema_rs.RegexOptions(), **options)
    except jsonschema_rs.ValidationError:
        # A pattern with look-around has no linear form, so its backtracking gets a bound.
        bounded = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS)
        return jsonschema_rs.validator_for(schema, pattern_options=bounded, **options)


def hold(validator: Any, value: Any, *, at: str, what: str) -> None:
    """Raises InvalidInput that points at each member of `value` that does not fit."""
    if validator.is_valid(value):
        return
    found: list[FieldError] = []
    for error in validator.iter_errors(value):
        found.append(FieldError(at + pointer(error.instance_path), error.message[:_LONGEST]))
        if len(found) == _MOST_ERRORS:
            break
    raise refused(what, found)


def refused(what: str, found: list[FieldError]) -> OnwardError:
    """The refusal that names all these members."""
    first = found[0] if found else FieldError("", "it does not fit")
    return blaming(InvalidInput(f"{what}: {first.pointer}: {first.detail}"), *found)


def pointer(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
