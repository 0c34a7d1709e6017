"""`onward queue …`: where executions wait."""

import click

from onward.cli import show, words
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import session

COMMANDS = {"list": ("onward.cli.queue:listing", "List the queues, what waits in them, and who serves them.")}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def queue() -> None:
    """Show where executions wait."""


@click.command("list")
@output
def listing(form: str) -> None:
    """List the queues, what waits in them, and who serves them."""
    here = session()

    columns = [
        show.Column("QUEUE", lambda one: one["name"]),
        show.Column("ENVIRONMENT", lambda one: one.get("environment") or "-"),
        show.Column("WAITING", lambda one: _number(one["waiting"])),
        show.Column("OLDEST", lambda one: words.ago(one["oldest"], here.now())),
        show.Column("RUNNING", lambda one: _number(one["running"])),
        show.Column("WORKERS", lambda one: str(one["workers"])),
        show.Column("SLOTS", lambda one: str(one["slots"])),
    ]
    if not show.records(here, form, here.client.queues(), columns):
        here.note("no queue exists yet: the first worker or execution makes one")


def _number(count: int | None) -> str:
    # Nobody knows it while execution_state or Postgres is away.
    return "-" if count is None else str(count)
