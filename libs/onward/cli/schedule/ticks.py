"""`onward schedule next` and `history`."""

import click

from onward.cli import show, words
from onward.cli.options import output
from onward.cli.session import session

OUTCOMES = ("fired", "refused", "skipped", "missed")


@click.command("next")
@click.argument("name")
@click.option("-n", "--count", type=click.IntRange(1, 200), default=10, show_default=True, help="How many.")
@output
def following(*, name: str, count: int, form: str) -> None:
    """Print the ticks to come, in UTC and as the clocks of its zone show them."""
    here = session()
    columns = [
        show.Column("UTC", lambda one: one["tick"]),
        show.Column("LOCAL", lambda one: one["local"]),
        show.Column("IN", lambda one: words.ago(one["fires_at"], here.now())),
        show.Column("NOTE", lambda one: one["note"] or "-"),
    ]
    if not show.records(here, form, here.client.schedules.next(name, count=count), columns):
        here.note("no tick is to come")


@click.command()
@click.argument("name")
@click.option("--outcome", multiple=True, type=click.Choice(OUTCOMES), help="Only these; may be repeated.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many at most.")
@output
def history(*, name: str, outcome: tuple[str, ...], limit: int, form: str) -> None:
    """Print what became of the ticks, newest first; also of a schedule that was deleted."""
    here = session()
    columns = [
        show.Column("TICK", lambda one: words.local(one["tick"])),
        show.Column("OUTCOME", _outcome),
        show.Column("CAUSE", lambda one: one["cause"].replace("_", " ")),
        show.Column("EXECUTION", lambda one: one["execution_id"] or "-"),
        show.Column("STATUS", lambda one: one["status"] or "-"),
        show.Column("TOOK", lambda one: words.duration(one["duration_ms"])),
        show.Column("REASON", lambda one: one["reason"] or "-"),
    ]
    found = here.client.schedules.history(name, limit=limit, outcome=outcome)
    if not show.records(here, form, found, columns):
        here.note("nothing has become of any tick yet")


def _outcome(one: show.Json) -> str:
    return f"{one['outcome']} × {one['count']}" if one["count"] > 1 else str(one["outcome"])
