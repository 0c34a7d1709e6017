"""Requests that an OpenAPI document allows, and such that it hardly does: made from a seed, the same each time."""

import random
import string
from collections.abc import Iterator
from typing import Any

import msgspec

ODD: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64, 1e308, -0.0, 0.1, [], {}, [[]], {"": None},
    "", " ", "a", "null", "default", "noop", "five", "x" * 300, "x" * 70_000, "\x00", "a\x00b", "\ud7ff", "\u202e",
    "é" * 40, "💥", "*", ">", "a.b", "../x", "$SYS", "'; --", "[]", "{", {"a": {"b": {"c": []}}},
    "2026-11-23T10:00:00Z", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "-1h", "1e9d", "* * * * *", "61 25 * * *", "Europe/Berlin",
]  # fmt: skip
"""What somebody has once broken something with."""


_LONGEST = 4000
"""Of a query parameter: what makes an address too long is refused by the server below, before anybody reads it."""


class Asked(msgspec.Struct, frozen=True):
    """One request, and the operation that it is meant for."""

    method: str
    path: str
    template: str
    query: dict[str, str]
    body: Any
    answers: frozenset[int]
    """The statuses that the document names."""


class Requests:
    """Makes them. `known` are ids and names that exist, which most of the time say more than made-up ones."""

    def __init__(self, document: dict[str, Any], seed: int, known: list[str], *, leave_out: set[str]) -> None:
        self._schemas = document["components"]["schemas"]
        self._random = random.Random(seed)
        self.known = known
        self._operations = [
            (method, path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
            if path not in leave_out
        ]

    def __iter__(self) -> Iterator[Asked]:
        while True:
            for method, template, operation in self._random.sample(self._operations, len(self._operations)):
                yield self._one(method, template, operation)

    def _one(self, method: str, template: str, operation: dict[str, Any]) -> Asked:
        path, query = template, {}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", self._name())
            elif parameter["in"] == "query" and self._random.random() < 0.3:
                query[parameter["name"]] = _text(self._value(parameter["schema"], 0))[:_LONGEST]
        if self._random.random() < 0.03:
            query["nobody_knows_this"] = "1"
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body = self._value(content["schema"], 0) if content else None
        answers = frozenset(int(status) for status in operation["responses"] if status.isdigit())
        return Asked(method.upper(), path, template, query, body, answers)

    def _name(self) -> str:
        if self._random.random() < 0.8:
            return self._random.choice(self.known)
        return "".join(self._random.choices(string.ascii_lowercase + "-_.~*%", k=self._random.randint(1, 40)))

    def _value(self, schema: dict[str, Any], depth: int) -> Any:
        if depth > 6 or self._random.random() < 0.04:
            return self._random.choice(ODD)
        if "$ref" in schema:
            return self._value(self._schemas[schema["$ref"].rpartition("/")[2]], depth)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._value(self._random.choice(schema[several]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return [
                self._value(schema.get("items", {}), depth + 1) for _ in range(self._random.randint(0, 3))
            ]
        if kind == "string":
            return self._name() if self._random.random() < 0.7 else _text(self._random.choice(ODD))
        if kind in ("integer", "number"):
            return self._random.choice(
                [schema.get("minimum", 0), schema.get("maximum", 9), 1, 5, 60, -1, 10**9]
            )
        if kind == "boolean":
            return self._random.random() < 0.5
        return None if kind == "null" else self._random.choice(ODD)

    def _object(self, schema: dict[str, Any], depth: int) -> Any:
        made = {
            name: self._value(member, depth + 1)
            for name, member in schema.get("properties", {}).items()
            if name in schema.get("required", ()) or self._random.random() < 0.35
        }
        if schema.get("required") and self._random.random() < 0.05:
            made.pop(self._random.choice(schema["required"]), None)
        more = schema.get("additionalProperties")
        if isinstance(more, dict):
            made |= {self._name(): self._value(more, depth + 1) for _ in range(self._random.randint(0, 2))}
        return made


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
