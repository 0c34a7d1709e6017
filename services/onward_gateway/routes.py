"""What a route says of itself: what it takes and answers, and whether it needs a key. OpenAPI is made from it."""

from typing import Any

import msgspec
from litestar import Request

from onward.contract.keys import Scope
from onward.http.auth import PUBLIC, SCOPE

Door = Request[Any, Any, Any]
OPERATION = "operation"
ONE = "/api/v1/executions/{execution_id:str}"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one address, as OpenAPI shows it."""

    summary: str
    answers: dict[int, Any]
    """Type of the body by status; a text stands for a media type."""
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    headers: tuple[str, ...] = ()
    refuses: tuple[int, ...] = ()


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameter at all."""


def documented(kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """`kind` as a JSON Schema can be made of it: members kept as they came are any JSON."""
    members: list[Any] = []
    for field in msgspec.structs.fields(kind):
        if field.required:
            members.append((field.name, field.type))
        elif field.default_factory is not msgspec.NODEFAULT:
            members.append((field.name, field.type, msgspec.field(default_factory=field.default_factory)))
        elif isinstance(field.default, msgspec.Raw):
            members.append((field.name, Any, None))
        else:
            members.append((field.name, field.type, field.default))
    return msgspec.defstruct(
        kind.__name__, members, namespace={"__doc__": kind.__doc__}, kw_only=True, forbid_unknown_fields=True
    )


def describe(
    operation: Operation, *, public: bool | str = False, scope: Scope | None = None
) -> dict[str, Any]:
    """The `opt` of a route: whatever changes something must name the scope that a key needs for it."""
    return {
        OPERATION: operation,
        **({PUBLIC: public} if public else {}),
        **({SCOPE: scope} if scope else {}),
    }
