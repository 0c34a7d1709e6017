"""A resource from what a request says: pure, and every refusal names the member."""

from typing import Any

import msgspec

from onward.contract.errors import InvalidBody
from onward.contract.ids import check_name
from onward.contract.resource import Resource
from onward.http import json_text
from onward_gateway.resources.kind import Kind, wrong
from onward_gateway.resources.shapes import Shapes

_document = msgspec.json.Decoder(dict[str, Any])


def created(shapes: Shapes, text: bytes) -> Resource:
    """The resource that a POST describes. Raises InvalidBody, InvalidName."""
    asked = json_text.read(text, msgspec.json.Decoder(shapes.new))
    name: str = getattr(asked, "name")  # noqa: B009 - the type is made at run time
    check_name(shapes.kind.kind, name)
    return _spec(shapes.kind, name, asked)


def replaced(shapes: Shapes, text: bytes, name: str) -> Resource:
    """The resource that a PUT describes. Raises InvalidBody."""
    asked = json_text.read(text, msgspec.json.Decoder(shapes.other))
    given = getattr(asked, "name", None)
    if given is not None and given != name:
        raise wrong("/name", "a resource keeps its name", fix="create another one, and delete this one")
    return _spec(shapes.kind, name, asked)


def merged(shapes: Shapes, text: bytes, current: Resource) -> Resource:
    """The resource after a PATCH, a JSON merge patch (RFC 7396). Raises InvalidBody."""
    patch = json_text.read(text, _document)
    known = set(shapes.other.__struct_fields__)
    for member in patch.keys() - known:
        raise wrong(f"/{member[:80]}", "unknown", fix=f"known here: {', '.join(sorted(known))}")
    settable = {field.name: getattr(current, field.name) for field in shapes.kind.settable()}
    document = _document.decode(msgspec.json.encode(settable))
    return replaced(shapes, msgspec.json.encode(_merge(document, patch)), current.name)


def _merge(document: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    known = dict(document) if isinstance(document, dict) else {}
    for name, change in patch.items():
        if change is None:
            known.pop(name, None)
        else:
            known[name] = _merge(known.get(name), change)
    return known


def _spec(kind: Kind, name: str, asked: Any) -> Resource:
    members = {field.name: getattr(asked, field.name) for field in kind.settable()}
    try:
        return kind.spec(name=name, **members)
    except (ValueError, TypeError) as error:
        raise InvalidBody(f"{error}") from None
