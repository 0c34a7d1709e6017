"""`onward bulk …`: one command for every execution that a filter finds."""

from collections.abc import Callable
from typing import Any

import click

from onward.cli import clean, exits, show, words
from onward.cli.exits import EXPLAINED, Told
from onward.cli.filters import asked, filters
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import Session, session

COMMANDS = {
    "cancel": ("onward.cli.bulk:cancel", "Stop every execution that the options find."),
    "retry": (
        "onward.cli.bulk:retry",
        "Give every failed or cancelled execution another life that the options find.",
    ),
    "pause": ("onward.cli.bulk:pause", "Pause every execution that the options find."),
    "resume": ("onward.cli.bulk:resume", "Let every paused execution go on that the options find."),
    "move": ("onward.cli.bulk:move", "Move every execution into another queue that the options find."),
    "reprioritise": (
        "onward.cli.bulk:reprioritise",
        "Give every execution another priority that the options find.",
    ),
    "list": ("onward.cli.bulk:listing", "List operations, newest first."),
    "get": ("onward.cli.bulk:get", "Show how far an operation is."),
    "items": ("onward.cli.bulk:items", "List what became of each execution of an operation."),
    "abort": ("onward.cli.bulk:abort", "End an operation before it is through."),
}
_LOOK_EVERY = 0.5
_NAMED = 5


@click.group(cls=LazyGroup, lazy=COMMANDS, epilog=EXPLAINED)
def bulk() -> None:
    """Do one thing to every execution that a filter finds.

    It runs on the server: this command may be ended, and the operation goes on.
    """


def _begins(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what every operation can be told beside its filter."""
    for option in (
        output,
        click.option("--detach", is_flag=True, help="Return as soon as it is begun."),
        click.option("-y", "--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Only say how many there are."),
        click.option(
            "--all", "everything", is_flag=True, help="Every execution: needed where no option says which."
        ),
        filters,
    ):
        command = option(command)
    return command


@click.command(epilog=EXPLAINED)
@click.option("--reason", metavar="TEXT", help="Why, for people who look later.")
@_begins
def cancel(*, reason: str | None, **given: Any) -> int:
    """Stop every execution that the options find."""
    return begin("cancel", given, reason=reason)


@click.command(epilog=EXPLAINED)
@click.option("--from-start", is_flag=True, help="Without their checkpoints.")
@_begins
def retry(*, from_start: bool, **given: Any) -> int:
    """Give every failed or cancelled execution another life that the options find."""
    return begin("retry", given, from_start=from_start)


@click.command(epilog=EXPLAINED)
@click.option("--reason", metavar="TEXT", help="Why, for people who look later.")
@_begins
def pause(*, reason: str | None, **given: Any) -> int:
    """Pause every execution that the options find."""
    return begin("pause", given, reason=reason)


@click.command(epilog=EXPLAINED)
@_begins
def resume(**given: Any) -> int:
    """Let every paused execution go on that the options find."""
    return begin("resume", given)


@click.command(epilog=EXPLAINED)
@click.option("--to", "to", required=True, metavar="QUEUE", help="Where to.")
@_begins
def move(*, to: str, **given: Any) -> int:
    """Move every execution into another queue that the options find."""
    return begin("move", given, queue=to)


@click.command(epilog=EXPLAINED)
@click.option("--to", "to", required=True, type=click.IntRange(1, 9), help="The new priority; 9 goes first.")
@_begins
def reprioritise(*, to: int, **given: Any) -> int:
    """Give every execution another priority that the options find."""
    return begin("reprioritise", given, priority=to)


@click.command("retry", epilog=EXPLAINED)
@click.argument("fingerprint")
@click.option("--from-start", is_flag=True, help="Without their checkpoints.")
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--detach", is_flag=True, help="Return as soon as it is begun.")
@output
def retry_group(*, fingerprint: str, from_start: bool, **given: Any) -> int:
    """Give every execution of one group another life."""
    which = {"status": ("failed",), "error": fingerprint, "everything": False}
    return begin("retry", {**given, **which}, from_start=from_start)


def begin(action: str, given: dict[str, Any], **more: Any) -> int:
    """Previews, asks, begins, and follows to the end; returns the exit code."""
    here = session()
    form, everything = given.pop("form"), given.pop("everything")
    dry_run, yes, detach = given.pop("dry_run"), given.pop("yes"), given.pop("detach")
    which = asked(here, given)
    wanted = {name: value for name, value in more.items() if value}
    if not which and not everything:
        raise click.UsageError(f"say which executions to {action}: --status, --queue, …; or --all")
    preview = here.client.bulk.preview(action, which, all=everything, **wanted)
    if dry_run:
        show.record(here, form, preview, lambda: [f"{preview['matched']} executions to {action}"])
        return exits.COMPLETED
    if not yes:
        _confirm(here, action, preview["matched"])
    begun = here.client.bulk.begin(action, which, all=everything, **wanted)
    found = begun if detach else follow(here, begun)
    show.record(here, form, found, lambda: _told(found, here))
    return exits.FAILED if found["failed"] else exits.COMPLETED


def _confirm(here: Session, action: str, matched: int) -> None:
    if not (here.err.isatty() and here.live):
        raise Told(
            f"{matched} executions to {action}", fix="--yes does it without asking", code="not_confirmed"
        )
    if not click.confirm(f"{action} {matched} executions?", err=True):
        raise Told("nothing was done", code="not_confirmed")


def follow(here: Session, found: show.Json) -> show.Json:
    """Returns an operation once it has ended; tells a person how far it is meanwhile."""
    told = ""
    try:
        while found["completed_at"] is None:
            now = f"{found['done'] + found['skipped'] + found['failed']} of {found['total']}"
            if here.err.isatty() and now != told:
                here.note(now)
                told = now
            here.client.wire.pause(_LOOK_EVERY)
            found = here.client.bulk.get(found["id"])
    except KeyboardInterrupt:
        here.note(
            f"\nleft; it goes on.\n  look:    onward bulk get {found['id']}\n  stop it: onward bulk abort {found['id']}"
        )
        raise
    return found


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@output
def listing(limit: int, form: str) -> None:
    """List operations, newest first."""
    here = session()
    columns = [
        show.Column("ID", lambda one: one["id"]),
        show.Column("ACTION", lambda one: one["action"]),
        show.Column("STATUS", lambda one: one["status"]),
        show.Column("DONE", lambda one: f"{one['done']}/{one['total']}"),
        show.Column("SKIPPED", lambda one: str(one["skipped"])),
        show.Column("FAILED", lambda one: str(one["failed"])),
        show.Column("BY", lambda one: one["submitted_by"] or "-"),
        show.Column("CREATED", lambda one: words.ago(one["created_at"], here.now())),
        show.Column("FILTER", lambda one: show.compact(one["filter"])),
    ]
    if not show.records(here, form, here.client.bulk.list(limit=limit), columns):
        here.note("no operation yet")


@click.command()
@click.argument("id", metavar="ID")
@output
def get(id: str, form: str) -> None:
    """Show how far an operation is."""
    here = session()
    found = here.client.bulk.get(id)
    show.record(here, form, found, lambda: _told(found, here))


@click.command()
@click.argument("id", metavar="ID")
@click.option(
    "--outcome", type=click.Choice(["done", "skipped", "failed", "open"]), help="Only those it ended so for."
)
@output
def items(id: str, outcome: str | None, form: str) -> None:
    """List what became of each execution of an operation."""
    here = session()
    columns = [
        show.Column("EXECUTION", lambda one: one["execution_id"]),
        show.Column("OUTCOME", lambda one: one["outcome"] or "open"),
        show.Column("DETAIL", lambda one: one["detail"] or ""),
    ]
    if not show.records(here, form, here.client.bulk.items(id, outcome=outcome), columns):
        here.note("none")


@click.command()
@click.argument("id", metavar="ID")
@output
def abort(id: str, form: str) -> None:
    """End an operation before it is through; what it has done stays done."""
    here = session()
    found = here.client.bulk.abort(id)
    show.record(here, form, found, lambda: _told(found, here))


def _told(one: show.Json, here: Session) -> list[str]:
    counts = f"{one['done']} of {one['total']} done, {one['skipped']} skipped, {one['failed']} failed"
    lines = [clean.cell(f"{one['status']}  {one['action']}  {one['id']}"), f"  {counts}"]
    if one["skipped"] or one["failed"]:
        lines.append(
            f"  why:  onward bulk items {one['id']} --outcome {'failed' if one['failed'] else 'skipped'}"
        )
    return lines
