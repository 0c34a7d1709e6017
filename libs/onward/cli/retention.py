"""`onward retention …`: how long each class is kept, and what is held whatever its class."""

from typing import Any

import click

from onward.cli import filters, ids, show, words
from onward.cli.options import output
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session
from onward.client.problem import ApiProblem
from onward.contract.retention import CLASSES, TIMES, RetentionSpec

NOT_FOUND, TAKEN = 404, 409

NOUN = Noun(
    word="retention",
    plural="retention",
    columns=lambda: (
        show.Column("SHORT", lambda one: f"{one['short']} d"),
        show.Column("DEFAULT", lambda one: f"{one['default']} d"),
        show.Column("LONG", lambda one: f"{one['long']} d"),
        show.Column("CHANGED", lambda one: words.ago(one["updated_at"], session().now())),
    ),
    example="onward retention create times --set short=3 --set long=730",
)
COMMANDS = {
    "show": ("onward.cli.retention:show_times", "Show for how many days each class is kept."),
    "hold": ("onward.cli.retention:hold", "Keep executions whatever their class."),
    "lift": ("onward.cli.retention:lift", "Take holds back."),
    "holds": ("onward.cli.retention:holds", "Show what is held."),
}

retention = group_of(NOUN, "Say how long each class is kept.", COMMANDS)


@click.command("show")
@output
def show_times(*, form: str) -> None:
    """Show for how many days each class is kept."""
    here = session()
    try:
        found = here.client.resources(NOUN.plural).get(TIMES)
    except ApiProblem as problem:
        if problem.status != NOT_FOUND:
            raise
        found = {name: RetentionSpec().days(name) for name in CLASSES}
    told = {name: found.get(name) for name in CLASSES}
    lines = [
        f"{name:<8} " + (f"{days} days" if days else "until it is lifted") for name, days in told.items()
    ]
    show.record(here, form, told, lambda: lines)


@click.command()
@click.argument("execution", nargs=-1, shell_complete=ids.complete)
@filters.filters
@click.option("--reason", metavar="TEXT", help="Why; kept with the hold.")
@output
def hold(*, execution: tuple[str, ...], reason: str | None, form: str, **given: Any) -> None:
    """Keep executions whatever their class, by id or all that a filter finds."""
    here = session()
    asked = filters.asked(here, given)
    if bool(execution) == bool(asked):
        raise click.UsageError("name executions, or give a filter")
    found = [ids.whole(here, one) for one in execution] or [one["id"] for one in here.client.list(**asked)]
    resource = here.client.resources("holds")
    members = {} if reason is None else {"reason": reason}
    for one in found:
        try:
            resource.create(one, **members)
        except ApiProblem as problem:
            if problem.status != TAKEN:
                raise
    show.record(here, form, {"held": found}, lambda: [f"{len(found)} held"])


@click.command()
@click.argument("execution", nargs=-1, required=True)
@output
def lift(*, execution: tuple[str, ...], form: str) -> None:
    """Take holds back: what was held leaves with its class."""
    here = session()
    found = [ids.whole(here, one) for one in execution]
    for one in found:
        here.client.resources("holds").delete(one)
    show.record(here, form, {"lifted": found}, lambda: [f"{len(found)} lifted"])


@click.command()
@output
def holds(*, form: str) -> None:
    """Show what is held, since when and why."""
    here = session()
    columns = (
        show.Column("EXECUTION", lambda one: one["name"]),
        show.Column("REASON", lambda one: one["reason"] or "-"),
        show.Column("BY", lambda one: one["created_by"] or "-"),
        show.Column("SINCE", lambda one: words.ago(one["created_at"], here.now())),
    )
    show.records(here, form, here.client.resources("holds").list(), columns)
