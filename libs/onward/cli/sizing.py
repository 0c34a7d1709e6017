"""`onward analytics workers`: how many workers each queue needs."""

import click

from onward.cli import show, words
from onward.cli.options import output
from onward.cli.session import session


@click.command("workers")
@output
def workers(*, form: str) -> None:
    """How many workers each queue needs.

    From what was used and what waited in the last quarter of an hour: such that 70 % of the slots are used, and what
    waits now is worked off within a minute.
    """
    here = session()
    columns = [
        show.Column("QUEUE", lambda one: one["queue"]),
        show.Column("WORKERS", lambda one: str(one["workers"])),
        show.Column("SUGGESTED", lambda one: str(one["suggested"])),
        show.Column("SLOTS", lambda one: str(one["slots"])),
        show.Column("USED", lambda one: "-" if one["utilisation"] is None else f"{one['utilisation']:.0%}"),
        show.Column("WAITING", lambda one: str(one["waiting"])),
        show.Column(
            "WAIT P95", lambda one: "-" if one["wait_p95_ms"] is None else words.duration(one["wait_p95_ms"])
        ),
        show.Column("WHY", lambda one: one["why"]),
    ]
    if not show.records(here, form, here.client.analytics("workers")["items"], columns):
        here.note("no queue exists yet")
