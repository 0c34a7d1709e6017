"""Options and arguments that several commands share, and the types of their values."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from onward.cli import words
from onward.cli.exits import Told
from onward.cli.session import session

Command = TypeVar("Command", bound=Callable[..., Any])
STATUSES = ("pending", "running", "completed", "failed", "cancelled")
LEVELS = ("debug", "info", "warning", "error", "critical")


def output(command: Command) -> Command:
    """Adds `-o`, which every command that prints something has."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["table", "json", "ndjson", "yaml"]),
        default="table",
        show_default=True,
        envvar="ONWARD_OUTPUT",
        help="How to print: for people, or exact for programs.",
    )(command)


def duration(text: str) -> float:
    """Returns the seconds in 90, 45s or 1h30m: the type of an option."""
    try:
        return words.seconds(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no duration: write 30s, 5m, 1h30m or 2d") from None


def time(text: str) -> str:
    """Returns a time, or how long ago it was, as RFC 3339 in UTC: the type of an option."""
    from datetime import UTC

    try:
        at = words.moment(text, session().now())
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time: write 1h (ago), 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def limit(text: str) -> str:
    """Returns KEY=N as it is: the type of an option."""
    key, _, most = text.rpartition("=")
    if not key or not most.isdigit() or int(most) < 1:
        raise click.BadParameter(f"{text!r} is no limit: write customer:42=2")
    return text


def limits(text: str) -> Callable[[Command], Command]:
    """The option --limit of a submission."""
    return click.option(
        "--limit", multiple=True, type=limit, metavar="KEY=N", help=f"{text} May be repeated."
    )


def asked_limit(text: str) -> dict[str, Any]:
    """What KEY=N asks for, as the member of a submission."""
    key, _, most = text.rpartition("=")
    return {"key": key, "max": int(most)}


def label(text: str) -> str:
    """Returns name=value unchanged, once it is that: the type of an option."""
    name, equals, _ = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is no label: write name=value")
    return text


def read_json(text: str, what: str) -> Any:
    """Returns the JSON in an argument, in the file after an `@`, or for `-` in standard input."""
    source, raw = _source(text, what)
    try:
        return json.loads(raw)
    except ValueError as wrong:
        where = getattr(wrong, "pos", 0)
        shown = raw[max(0, where - 20) : where + 20].replace("\n", " ")
        raise Told(
            f"{what} {source}is not JSON: {wrong}, near {shown!r}"
            if raw.strip()
            else f"{what} {source}is empty",
            fix="""write JSON, and keep the shell off it: '{"name": "value"}', @file.json, or - for standard input""",
            code="invalid_json",
        ) from None
    except RecursionError:
        raise Told(f"{what} {source}is nested too deep", fix="make it flatter", code="invalid_json") from None


def _source(text: str, what: str) -> tuple[str, str]:
    try:
        if text == "-":
            return "from standard input ", sys.stdin.read()
        if text.startswith("@"):
            return f"in {text[1:]} ", Path(text[1:]).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        raise Told(f"{what} cannot be read from {text[1:]}: {why}", code="invalid_json") from None
    return "", text
