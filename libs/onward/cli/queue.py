"""`onward queue …`: where executions wait."""

from typing import Any

import click

from onward.cli import show, words
from onward.cli.options import output
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session

NOUN = Noun(
    word="queue",
    plural="queues",
    columns=tuple,
    example="onward queue create gpu --set max_running=4",
    told=("paused_by", "paused_since", "workers", "slots", "waiting", "running", "oldest", "classes"),
)
COMMANDS = {
    "list": ("onward.cli.queue:listing", "List the queues, what waits in them, and who serves them."),
    "pause": ("onward.cli.queue:pause", "Let nothing more begin in a queue; what runs goes on."),
    "resume": ("onward.cli.queue:resume", "Let a paused queue go on."),
}

queue = group_of(NOUN, "Show, set and pause where executions wait.", COMMANDS)


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
        show.Column("LIMIT", lambda one: str(one.get("max_running") or "-")),
        show.Column("STATE", lambda one: "paused" if one.get("paused") else "open"),
    ]
    if not show.records(here, form, here.client.queues(), columns):
        here.note("no queue exists yet: the first worker or execution makes one")


@click.command("pause")
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Why; shown with everything that waits in it.")
@output
def pause(*, name: str, reason: str | None, form: str) -> None:
    """Let nothing more begin in a queue; what runs goes on."""
    _set(name, form, paused=True, paused_because=reason)


@click.command("resume")
@click.argument("name")
@output
def resume(*, name: str, form: str) -> None:
    """Let a paused queue go on."""
    _set(name, form, paused=False, paused_because=None)


def _set(name: str, form: str, **members: Any) -> None:
    here = session()
    found = here.client.resources(NOUN.plural).update(name, **members)
    told = f"queue {name} is {'paused' if found['paused'] else 'open'}"
    show.record(here, form, found, lambda: [told])


def _number(count: int | None) -> str:
    # Nobody knows it while execution_state or Postgres is away.
    return "-" if count is None else str(count)
