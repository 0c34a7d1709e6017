"""`onward execution list | children`."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from onward.cli import ids, show, words
from onward.cli.execution import telling
from onward.cli.filters import asked, filters
from onward.cli.options import STATUSES, output
from onward.cli.session import Session, session

WIDE_ENOUGH = 130
"""Columns from which a table has room for whole ids."""


@click.command("list")
@filters
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="No limit.")
@output
def listing(*, limit: int, everything: bool, form: str, **which: Any) -> None:
    """List executions, newest first."""
    here = session()
    given = asked(here, which)
    most = None if everything else limit
    found = _first(here, here.client.list(limit=None if most is None else most + 1, **given), most)
    if not _shown(here, form, found):
        here.note("no executions match" if given else "no executions yet")
        here.hint("""onward run shell -i '{"command": "echo hello"}' --follow""")


@click.command()
@ids.argument()
@click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="No limit.")
@output
def children(id: str, *, limit: int, everything: bool, form: str, status: tuple[str, ...]) -> None:
    """List the children of an execution, newest first."""
    here = session()
    most = None if everything else limit
    given = {"status": status} if status else {}
    found = here.client.children(ids.whole(here, id), limit=None if most is None else most + 1, **given)
    if not _shown(here, form, _first(here, found, most)):
        here.note("it has no children" + (" like this" if given else ""))


def _shown(here: Session, form: str, found: Iterator[show.Json]) -> int:
    if form != "table":
        return show.records(here, form, found, [])
    listed = list(found)
    return show.records(here, form, listed, _columns(here, listed))


def _first(here: Session, found: Iterator[show.Json], most: int | None) -> Iterator[show.Json]:
    yield from islice(found, most)
    if most is not None and next(found, None) is not None:
        here.note(f"there are more than these {most}: --limit and --all show them")


def _columns(here: Session, listed: list[show.Json]) -> list[show.Column]:
    now = here.now()
    roomy = not here.live or here.width >= WIDE_ENOUGH
    short = {} if roomy else ids.shortened(one["id"] for one in listed)
    return [
        show.Column("ID", lambda one: str(short.get(one["id"], one["id"]))),
        show.Column("TASK", lambda one: one["task"]),
        show.Column("STATUS", telling.status, telling.style),
        show.Column("ATTEMPT", lambda one: f"{one['attempt']}/{one['max_attempts']}"),
        show.Column("CREATED", lambda one: words.ago(one["created_at"], now)),
        show.Column("DURATION", lambda one: words.duration(telling.took(one, here))),
        *([show.Column("QUEUE", lambda one: one["queue"])] if roomy else []),
        show.Column("DETAIL", telling.detail),
    ]
