"""OpenAPI 3.1, made from what the routes say of themselves."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

import onward
from onward.contract.keys import Scope
from onward.http.auth import PUBLIC, needed
from onward.http.problems import Problem
from onward_gateway.routes import OPERATION, Operation

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"\{(\w+):\w+\}")
_WHY = {
    400: "The request cannot be read", 401: "No valid API key", 403: "It is not allowed",
    404: "There is no such thing",
    405: "This address does not know this method", 409: "It does not fit the state of things", 410: "It is gone",
    412: "It is not as If-Match says", 413: "Too large", 415: "No JSON", 422: "It cannot be done as asked",
    429: "Too much at the same time", 503: "Try again after Retry-After",
}  # fmt: skip
_WHAT = {
    101: "Switching protocols",
    200: "Done",
    201: "Created",
    202: "Accepted, and on disk",
    204: "Done; there is nothing to say",
    207: "Some accepted, some not",
    304: "Unchanged",
}


def document(handlers: Iterable[Any]) -> dict[str, Any]:
    """The whole description."""
    described = sorted(_described(handlers), key=lambda item: (item[0], item[1]))
    schemas = _Schemas(operation for _, _, operation, _ in described)
    paths: dict[str, Any] = {}
    for path, method, operation, rule in described:
        shown = _PATH_PARAMETER.sub(r"{\1}", path)
        paths.setdefault(shown, {})[method] = _operation(path, method, operation, rule, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Onward",
            "version": onward.__version__,
            "description": "Durable executions. Every refusal is application/problem+json with a stable code.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "ow_…"}},
        },
        "security": [{"key": []}],
    }


def _described(handlers: Iterable[Any]) -> Iterable[tuple[str, str, Operation, Any]]:
    for handler in handlers:
        operation = handler.opt[OPERATION]
        for path in handler.paths:
            for method in getattr(handler, "http_methods", ("GET",)):
                yield (
                    path,
                    str(getattr(method, "value", method)).lower(),
                    operation,
                    (handler.opt.get(PUBLIC, False), needed(handler)),
                )


class _Schemas:
    """The JSON Schemas of every type that some route takes or gives."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        types: dict[Any, None] = {Problem: None}
        for operation in operations:
            for kind in (operation.body, operation.query, *operation.answers.values()):
                if kind is not None and not isinstance(kind, str):
                    types[kind] = None
        schemas, self.components = msgspec.json.schema_components(list(types), ref_template=_REF)
        self._of = dict(zip(types, schemas, strict=True))

    def of(self, kind: Any) -> dict[str, Any]:
        """A reference to the schema of a type."""
        found: dict[str, Any] = self._of[kind]
        return found

    def members(self, kind: type[msgspec.Struct]) -> tuple[dict[str, Any], list[str]]:
        """The members of a struct with their schemas, and which of them must be there."""
        name = self._of[kind]["$ref"].rpartition("/")[2]
        schema = self.components[name]
        return schema.get("properties", {}), schema.get("required", [])


def _operation(
    path: str, method: str, operation: Operation, rule: tuple[Any, Scope | None], schemas: _Schemas
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": method + re.sub(r"[^a-z0-9]+", "_", _PATH_PARAMETER.sub("one", path)).rstrip("_"),
    }
    if parameters := _parameters(path, operation, schemas):
        shown["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": schemas.of(operation.body)}}
        shown["requestBody"] = {"content": content, "required": path.count("{") == 0}
    public, scope = rule
    shown["responses"] = _responses(operation, public, scope, schemas)
    key = {"key": [scope or "read"]}
    shown["security"] = [{}, key] if public == "loopback" else [] if public else [key]
    return shown


def _parameters(path: str, operation: Operation, schemas: _Schemas) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(path)
    ]
    if operation.query is not None:
        members, required = schemas.members(operation.query)
        found += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in members.items()
        ]
    found += [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in operation.headers
    ]
    return found


def _responses(operation: Operation, public: Any, scope: Scope | None, schemas: _Schemas) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, kind in operation.answers.items():
        answer: dict[str, Any] = {"description": _WHAT.get(status, _WHY.get(status, ""))}
        if isinstance(kind, str):
            answer["content"] = {kind: {"schema": {"type": "string"}}}
        elif kind is not None:
            answer["content"] = {"application/json": {"schema": schemas.of(kind)}}
        answers[str(status)] = answer
    problem = {"application/problem+json": {"schema": schemas.of(Problem)}}
    refuses = () if public is True else (401,) if scope in {None, "read"} else (401, 403)
    for status in sorted({*operation.refuses, *refuses}):
        answers.setdefault(str(status), {"description": _WHY[status], "content": problem})
    return dict(sorted(answers.items()))
