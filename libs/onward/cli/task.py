"""`onward task …`: the tasks that workers announced."""

import difflib
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem

from onward.cli import clean, ids, show
from onward.cli.exits import Told
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import session

COMMANDS = {
    "list": ("onward.cli.task:listing", "List the tasks that workers announced."),
    "show": ("onward.cli.task:show_one", "Show a task and the schema of its input."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def task() -> None:
    """Show the tasks that workers announced."""


def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Returns task names for the shell."""
    found = ids.quickly(ctx, lambda client: client.tasks())
    return [
        CompletionItem(one["name"], help=one.get("description") or "")
        for one in found
        if one["name"].startswith(incomplete)
    ]


@click.command("list")
@output
def listing(form: str) -> None:
    """List the tasks that workers announced."""
    here = session()
    columns = [
        show.Column("TASK", lambda one: one["name"]),
        show.Column("WORKERS", lambda one: str(one["workers"])),
        show.Column("QUEUE", lambda one: one["queue"]),
        show.Column("ATTEMPTS", lambda one: str(one["max_attempts"])),
        show.Column("VERSION", lambda one: one["version"] or "-"),
        show.Column("DESCRIPTION", lambda one: one["description"] or ""),
    ]
    show.records(here, form, here.client.tasks(), columns)


@click.command("show")
@click.argument("name", shell_complete=complete)
@output
def show_one(name: str, form: str) -> None:
    """Show a task and the schema of its input."""
    from onward.client.problem import ApiProblem

    here = session()
    try:
        found = here.client.task(name)
    except ApiProblem as refused:
        if refused.status != 404:
            raise
        close = difflib.get_close_matches(name, [one["name"] for one in here.client.tasks()], n=3)
        raise Told(
            f"no worker ever announced a task {name!r}",
            fix=f"did you mean {' or '.join(close)}?" if close else "`onward task list` shows all",
            code="not_found",
        ) from None
    show.record(here, form, found, lambda: _summary(found))


def _summary(found: show.Json) -> Iterator[str]:
    yield clean.cell(f"{found['name']}  {found['description'] or ''}")
    yield f"  queue     {found['queue']}, priority {found['priority']}"
    yield f"  attempts  {found['max_attempts']}"
    yield f"  workers   {found['workers']} would take it now"
    if found["version"]:
        yield clean.cell(f"  version   {found['version']}")
    schema = _resolved(found["input_schema"] or {})
    for name, member in (schema.get("properties") or {}).items():
        needed = name in (schema.get("required") or ())
        default = f" = {show.compact(member['default'])}" if "default" in member else ""
        yield f"  input     {clean.cell(f'{name}: {_kind(member)}{default}')}{'  (required)' if needed else ''}"
    if schema:
        yield "  (the whole schema: -o json)"


def _resolved(schema: show.Json) -> show.Json:
    """A schema whose whole content stands among its definitions."""
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    found: show.Json = schema.get("$defs", {}).get(name, schema)
    return found


def _kind(member: show.Json) -> str:
    if "$ref" in member:
        return str(member["$ref"]).rpartition("/")[2]
    if "enum" in member:
        return " | ".join(show.compact(one) for one in member["enum"])
    if "anyOf" in member:
        return " | ".join(_kind(one) for one in member["anyOf"])
    return str(member.get("type", "any"))
