"""Prints ui/types.d.ts: what the API takes and answers, for the pages' type check; made of docs/openapi.json."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tooling.steps import ROOT

API = ROOT / "docs" / "openapi.json"
PREFIX = "/api/v1"
HEAD = """/** Made of docs/openapi.json by `dev.py check --fix`: what the API takes and answers. */
"""
TAIL = """
type Segment<S extends string> = string extends S ? "{}" : S extends `${string}?${string}` ? "?" : S;
type Shape<P extends string> = P extends `${infer H}/${infer R}` ? `${Segment<H>}/${Shape<R>}` : Segment<P>;
/** What GET of a path answers: a known path its view, any other path anything. */
export type Answer<P extends string> = Shape<P> extends keyof Answers ? Answers[Shape<P>] : any;
"""
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}

Schema = dict[str, Any]


def page() -> str:
    """Returns the whole module."""
    api = json.loads(API.read_text())
    schemas: Schema = api["components"]["schemas"]
    given = _reached(schemas, _bodies(api, "requestBody"))
    views = [_interface(name, schema, answered=name not in given) for name, schema in sorted(schemas.items())]
    return "\n".join([HEAD.rstrip(), *views, _answers(api), TAIL.strip(), ""])


def _bodies(api: Schema, part: str) -> Iterator[Schema]:
    for operations in api["paths"].values():
        for operation in operations.values():
            if part in operation:
                yield operation[part]


def _reached(schemas: Schema, starts: Iterator[Schema]) -> set[str]:
    """Returns the names of the schemas that others name, directly or through what they name."""
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(waiting.pop())):
            if name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def _interface(name: str, schema: Schema, *, answered: bool) -> str:
    if "properties" not in schema:
        return f"export type {name} = {_typed(schema)};"
    required = set(schema.get("required", []))
    members = [
        f"  {member}{'' if answered or member in required else '?'}: {_typed(of)};"
        for member, of in schema["properties"].items()
    ]
    return "\n".join([f"export interface {name} {{", *members, "}"])


def _typed(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(_typed(one) for one in schema[several]))
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"Array<{_typed(schema.get('items', {}))}>"
    if schema.get("type") == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {_typed(more)}>" if isinstance(more, dict) else "Record<string, any>"
    return PLAIN.get(str(schema.get("type")), "any")


def _answers(api: Schema) -> str:
    lines = []
    for path, operations in sorted(api["paths"].items()):
        responses = operations.get("get", {}).get("responses", {})
        body = responses.get("200", {}).get("content", {}).get("application/json", {}).get("schema")
        if path.startswith(PREFIX) and body:
            shape = re.sub(r"\{\w+\}", "{}", path.removeprefix(PREFIX))
            lines.append(f"  {json.dumps(shape)}: {_typed(body)};")
    return "\n".join(["/** By the path below /api/v1. */", "export interface Answers {", *lines, "}"])


if __name__ == "__main__":
    print(page(), end="")
