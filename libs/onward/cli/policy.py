"""`onward policy create | update | test`: rules in a file of their own."""

import sys
from pathlib import Path
from typing import Any

import click

from onward.cli import exits, show
from onward.cli.exits import EXPLAINED, Told
from onward.cli.options import Command, output, read_json
from onward.cli.resource import members
from onward.cli.session import session

_OPTIONS = (
    click.option("--module", metavar="FILE", help="Its rules, in Rego."),
    click.option("--file", metavar="FILE", help="Its members as JSON or YAML; - reads standard input."),
    click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="MEMBER=VALUE",
        help="A member; the value is JSON, or text.",
    ),
    output,
)


def _described(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(epilog=EXPLAINED)
@click.argument("name")
@_described
def create(*, name: str, form: str, **given: Any) -> None:
    """Create a policy."""
    _print(form, session().client.resources("policies").create(name, **_members(**given)))


@click.command(epilog=EXPLAINED)
@click.argument("name")
@_described
@click.option(
    "--if-match", metavar="ETAG", help="Only if it is as it was then: the etag that `get -o json` shows."
)
def update(*, name: str, form: str, if_match: str | None, **given: Any) -> None:
    """Change members of a policy."""
    policies = session().client.resources("policies")
    _print(form, policies.update(name, if_match=if_match, **_members(**given)))


@click.command(epilog=EXPLAINED)
@click.argument("which", metavar="[FILE|NAME]", required=False)
@click.option("-i", "--input", "given", metavar="JSON", default="{}", help="What the rules see; @file, or -.")
@output
def test(*, which: str | None, given: str, form: str) -> int:
    """Say what rules would decide. Ends with 1 where they deny; nothing is stored.

    FILE holds a module and ends in .rego; NAME is a policy that is there. Without either, all that apply are asked:
    who may do what.
    """
    here = session()
    rules = (
        {}
        if which is None
        else {"module": _text(which)}
        if Path(which).suffix == ".rego"
        else {"name": which}
    )
    found = here.client.resources("policies").ask("dry-run", input=read_json(given, "the input"), **rules)
    show.record(here, form, found, lambda: _told(found))
    return exits.FAILED if found["denied"] else exits.COMPLETED


def _members(module: str | None, file: str | None, assignments: tuple[str, ...]) -> show.Json:
    document = {} if file is None else members.read(file, sys.stdin)
    if module is not None:
        document["module"] = _text(module)
    return members.assigned(document, assignments)


def _text(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        raise Told(f"{file} cannot be read: {why}") from None


def _told(found: show.Json) -> list[str]:
    lines = ["denied" if found["denied"] else "allowed"]
    for one in found["verdicts"]:
        rule = f"{one['rule']}: " if one.get("rule") else ""
        lines.append(f"  {'denies' if one['denies'] else 'warns'}  {rule}{one['message']}")
    return lines


def _print(form: str, found: show.Json) -> None:
    width = max(len(member) for member in found)
    shown = [
        f"{name.ljust(width)}  {value if isinstance(value, str) else '-' if value is None else show.compact(value)}"
        for name, value in found.items()
        if name != "module"
    ]
    show.record(session(), form, found, lambda: shown)
