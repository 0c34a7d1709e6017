"""JSON with places to fill in: `{{output.files[0].name}}`. Pure, linear in its size, no code in it.

A string that is one place becomes the value itself, whatever its type; among other text a place becomes text. A place
that leads nowhere is an error, or null when it ends in `?`. `{{ "…" }}` is that text: for braces.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

LONGEST = 32 * 1024
"""Bytes of a template."""
MOST_PLACES = 200
MOST_FILLED = 64 * 1024 * 1024
"""Bytes of JSON that may be filled in."""

_PLACE = re.compile(r"\{\{([^{}\"]*|\s*\"[^\"]*\"\s*)\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(-?[0-9]{1,9})\]|\['([^']*)'\]")


class TemplateError(ValueError):
    """The template is wrong, or what it was filled from has not what it names."""


class _Place(msgspec.Struct, frozen=True):
    """Where a value comes from: a literal text, or a name and the steps from there."""

    text: str
    literal: str | None = None
    name: str = ""
    steps: tuple[str | int, ...] = ()
    optional: bool = False


def check(template: msgspec.Raw, names: Collection[str]) -> None:
    """Raises TemplateError for what cannot be filled in from values of these names."""
    for place in _places(template):
        if place.literal is None and place.name not in names:
            raise TemplateError(
                f"{{{{{place.text}}}}}: there is no {place.name!r}; there is {', '.join(sorted(names))}"
            )


def names_in(template: msgspec.Raw) -> frozenset[str]:
    """The names of the values that it is filled from. Raises TemplateError."""
    return frozenset(place.name for place in _places(template) if place.literal is None)


def _places(template: msgspec.Raw) -> list[_Place]:
    if len(bytes(template)) > LONGEST:
        raise TemplateError(f"a template has at most {LONGEST} bytes")
    places: list[_Place] = []

    def see(text: str) -> str:
        found = [_parsed(match.group(1)) for match in _PLACE.finditer(text)]
        if text.count("{{") != sum(1 + (place.literal or "").count("{{") for place in found):
            raise TemplateError(
                f'{text[:80]!r} opens a place that is none: write {{{{ "{{{{" }}}} for braces'
            )
        places.extend(found)
        return text

    _each_string(msgspec.json.decode(template), see)
    if len(places) > MOST_PLACES:
        raise TemplateError(f"{len(places)} places are more than {MOST_PLACES}")
    return places


def render(template: msgspec.Raw, values: Mapping[str, Any]) -> msgspec.Raw:
    """The JSON that `template` makes of these values. Raises TemplateError."""
    filled = 0

    def fill(text: str) -> Any:
        nonlocal filled
        whole = _PLACE.fullmatch(text)
        if whole is not None:
            value = _value(_parsed(whole.group(1)), values)
            filled += _size(value)
        else:
            value = _PLACE.sub(lambda match: _text(_value(_parsed(match.group(1)), values)), text)
            filled += len(value)
        if filled > MOST_FILLED:
            raise TemplateError(f"what is filled in has more than {MOST_FILLED} bytes")
        return value

    return msgspec.Raw(msgspec.json.encode(_each_string(msgspec.json.decode(template), fill)))


def _each_string(value: Any, change: Callable[[str], Any]) -> Any:
    match value:
        case str():
            return change(value) if "{{" in value else value
        case list():
            return [_each_string(item, change) for item in value]
        case dict():
            return {name: _each_string(item, change) for name, item in value.items()}
    return value


def _parsed(text: str) -> _Place:
    inside = text.strip()
    if inside.startswith('"'):
        return _Place(inside, literal=inside[1:-1])
    path = inside.removesuffix("?")
    begin = _NAME.match(path)
    if begin is None:
        raise TemplateError(f"{{{{{text[:80]}}}}} names nothing: write a path, as in {{{{output.name}}}}")
    steps: list[str | int] = []
    at = begin.end()
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise TemplateError(f"{{{{{text[:80]}}}}} is no path: it goes wrong at {path[at : at + 20]!r}")
        member, index, quoted = step.groups()
        steps.append(int(index) if index is not None else member if member is not None else quoted)
        at = step.end()
    return _Place(inside, name=begin.group(), steps=tuple(steps), optional=inside.endswith("?"))


def _value(place: _Place, values: Mapping[str, Any]) -> Any:
    if place.literal is not None:
        return place.literal
    value: Any = values
    for step in (place.name, *place.steps):
        match value, step:
            case list(), int() if -len(value) <= step < len(value):
                value = value[step]
            case Mapping(), str() if step in value:
                value = value[step]
            case _ if place.optional:
                return None
            case _:
                raise TemplateError(f"{{{{{place.text}}}}}: there is no {step!r}")
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _size(value: Any) -> int:
    return len(msgspec.json.encode(value)) if isinstance(value, str | list | dict) else 8
