"""`onward key …`: API keys, and what they may do."""

from datetime import UTC, timedelta

import click

from onward.cli import options, show, words
from onward.cli.exits import EXPLAINED
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import session

COMMANDS = {
    "create": ("onward.cli.key:create", "Make a key; it is shown once."),
    "list": ("onward.cli.key:listing", "List the keys of this project."),
    "get": ("onward.cli.key:get", "Show a key, without what opens."),
    "rotate": ("onward.cli.key:rotate", "Replace a key by a new one of its name and scope."),
    "revoke": ("onward.cli.key:revoke", "Revoke a key: within 5 s it opens nothing."),
}
SCOPES = ("read", "submit", "operate", "admin")


@click.group(cls=LazyGroup, lazy=COMMANDS, epilog=EXPLAINED)
def key() -> None:
    """Make, rotate and revoke API keys.

    A scope includes those before it: read sees, submit also submits and answers, operate also controls executions,
    queues and workers, admin also makes keys and reads the audit.
    """


@click.command("create")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice(SCOPES), default="submit", show_default=True, help="What it may do."
)
@click.option("--expires", type=options.duration, metavar="TIME", help="How long it opens: 12h, 30d.")
@output
def create(*, name: str, scope: str, expires: float | None, form: str) -> None:
    """Make a key; it is shown once."""
    here = session()
    until = None if expires is None else (here.now() + timedelta(seconds=expires)).astimezone(UTC).isoformat()
    _once(form, here.client.keys.create(name, scope, expires_at=until))


@click.command("list")
@output
def listing(*, form: str) -> None:
    """List the keys of this project."""
    here = session()
    columns = [
        show.Column("ID", lambda one: one["id"]),
        show.Column("NAME", lambda one: one["name"] or "-"),
        show.Column("SCOPE", lambda one: one["scope"]),
        show.Column("STATUS", lambda one: one["status"]),
        show.Column("MADE", lambda one: words.ago(one["created_at"], here.now())),
        show.Column("BY", lambda one: one["created_by"] or "-"),
        show.Column("EXPIRES", lambda one: words.ago(one["expires_at"], here.now())),
    ]
    show.records(here, form, here.client.keys.list(), columns)


@click.command("get")
@click.argument("id")
@output
def get(*, id: str, form: str) -> None:
    """Show a key, without what opens."""
    here = session()
    found = here.client.keys.get(id)
    show.record(here, form, found, lambda: [_line(found)])


@click.command("rotate")
@click.argument("id")
@click.option("--grace", type=options.duration, metavar="TIME", help="How long the old one opens beside it.")
@output
def rotate(*, id: str, grace: float | None, form: str) -> None:
    """Replace a key by a new one of its name and scope."""
    _once(form, session().client.keys.rotate(id, grace or 0.0))


@click.command("revoke")
@click.argument("id")
@output
def revoke(*, id: str, form: str) -> None:
    """Revoke a key: within 5 s it opens nothing."""
    here = session()
    found = here.client.keys.revoke(id)
    show.record(here, form, found, lambda: [_line(found)])


def _once(form: str, made: show.Json) -> None:
    here = session()
    show.record(here, form, made, lambda: [made["key"]])
    if form == "table":
        here.note(f"{_line(made)}: keep the key, it is not shown again")


def _line(one: show.Json) -> str:
    return f"{one['id']}  {one['name'] or '-'}  {one['scope']}, {one['status']}"
