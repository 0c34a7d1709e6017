"""`onward schedule trigger`, `pause`, `resume` and `backfill`."""

import click

from onward.cli import options, show
from onward.cli.options import output
from onward.cli.session import session


@click.command()
@click.argument("name")
@output
def trigger(*, name: str, form: str) -> None:
    """Start its execution now, whatever else runs or is paused."""
    here = session()
    made = here.client.schedules.trigger(name)
    show.record(here, form, made, lambda: [made["id"]])


@click.command()
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Shown to people, and in the history.")
@output
def pause(*, name: str, reason: str | None, form: str) -> None:
    """Let no tick fire; they are listed as skipped."""
    here = session()
    found = here.client.schedules.pause(name, reason)
    show.record(here, form, found, lambda: [f"{name} is paused"])


@click.command()
@click.argument("name")
@output
def resume(*, name: str, form: str) -> None:
    """Let ticks fire again, from the next one on."""
    here = session()
    found = here.client.schedules.resume(name)
    show.record(here, form, found, lambda: [f"{name} goes on"])


@click.command()
@click.argument("name")
@click.option("--since", type=options.time, required=True, help="Ticks after this: 2d (ago), 2026-01-31.")
@click.option("--until", type=options.time, help="Up to this; otherwise now.")
@click.option("--rate", type=float, default=60.0, show_default=True, help="How many a minute.")
@click.option("--yes", is_flag=True, help="Do it; otherwise they are only counted.")
@output
def backfill(*, name: str, since: str, until: str | None, rate: float, yes: bool, form: str) -> None:
    """Start what ticks of a past time would have started; one that has is not started again."""
    here = session()
    until = until or options.time("0s")
    found = here.client.schedules.backfill(name, since=since, until=until, rate=rate, preview=not yes)
    told = f"{found['count']} ticks, in {found['seconds']:.0f} s"
    show.record(here, form, found, lambda: [told])
    if not yes:
        here.hint(f"onward schedule backfill {name} --since {since} --until {until} --yes")
