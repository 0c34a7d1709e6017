"""`onward analytics utilisation`: used slot-time over the slot-time there was."""

import click

from onward.cli import options, show, words
from onward.cli.options import output
from onward.cli.session import session


@click.command()
@click.option("--since", type=options.time, help="From when: 1h (ago), or an RFC 3339 time.")
@click.option("--until", type=options.time, help="Until when.")
@click.option(
    "--by",
    type=click.Choice(("worker", "queue", "all")),
    default="worker",
    show_default=True,
    help="By what.",
)
@output
def utilisation(*, since: str | None, until: str | None, by: str, form: str) -> None:
    """How busy the workers, or the queues, were: in the last hour, unless it is said.

    A worker's slots are there for each of its queues. While it is paused or drains, only what is used is there.
    """
    here = session()
    found = here.client.analytics("utilisation", since=since, until=until, by=by)
    columns = [
        show.Column(by.upper(), lambda one: one["name"] or "-"),
        show.Column("UTILISATION", lambda one: _share(one["utilisation"])),
        show.Column("USED", lambda one: words.duration(one["busy_ms"])),
        show.Column("THERE", lambda one: words.duration(one["available_ms"])),
    ]
    if not show.records(here, form, found["items"], columns):
        here.note("no worker was there in that time")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
