"""The members of a resource from `--file` and `--set`."""

import json
from pathlib import Path
from typing import Any

from onward.cli import show
from onward.cli.exits import Told

_FIX = "write a JSON or YAML object into it, as `get -o yaml` prints"

_TEXTS = ("labels", "variables")
"""Members whose own members are texts, though they look like numbers."""


def read(source: str, stdin: Any) -> show.Json:
    """Returns the object in a JSON or YAML file, or for `-` in standard input."""
    import yaml

    try:
        text = stdin.read() if source == "-" else Path(source).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        raise Told(f"--file {source} cannot be read: {why}", code="invalid_json") from None
    try:
        found = yaml.load(text, Loader=_plain(yaml))  # noqa: S506 -- a SafeLoader that knows JSON's types only
        json.dumps(found)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as wrong:
        raise Told(
            f"--file {source} is neither JSON nor YAML: {wrong}", fix=_FIX, code="invalid_json"
        ) from None
    if not isinstance(found, dict):
        raise Told(f"--file {source} holds no object", fix=_FIX, code="invalid_json")
    return found


def _plain(yaml: Any) -> Any:
    """A loader that takes a time for the text it is, so that it goes on as it stands in the file."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Knows the types of JSON."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, found) for tag, found in known if tag != "tag:yaml.org,2002:timestamp"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def assigned(document: show.Json, assignments: tuple[str, ...]) -> show.Json:
    """Returns the object with each `member=value`, where a dot goes into a member and a value may be JSON."""
    changed = dict(document)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not (path and equals) or "" in path.split("."):
            raise Told(f"--set {assignment}: write member=value, or member.name=value", code="usage")
        _set(changed, path.split("."), _value(path, text))
    return changed


def _set(within: show.Json, path: list[str], value: Any) -> None:
    first, *rest = path
    if rest:
        inner = within.get(first)
        within[first] = dict(inner) if isinstance(inner, dict) else {}
        _set(within[first], rest, value)
    else:
        within[first] = value


def _value(path: str, text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if path.partition(".")[0] in _TEXTS and value is not None and "." in path else value
