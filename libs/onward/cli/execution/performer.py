"""`onward execution agent`: the agent as an execution runs it, and what has been changed since."""

from collections.abc import Iterator

import click

from onward.cli import clean, ids, show
from onward.cli.options import output
from onward.cli.session import session


@click.command()
@ids.argument()
@output
def agent(id: str, form: str) -> None:
    """Show the agent of an execution as it was at the submission, and what has changed since."""
    here = session()
    found = here.client.agent_of(ids.whole(here, id))
    show.record(here, form, found, lambda: _summary(found))


def _summary(found: show.Json) -> Iterator[str]:
    team = f" of team {found['team']}" if found["team"] else ""
    yield clean.cell(f"agent {found['name']}{team}, version {found['version']}")
    yield "  " + clean.cell(f"config {show.compact(found['config'])}")
    if found["policy"]:
        yield "  " + clean.cell(f"policy {found['policy']}")
    if found["current_version"] is None:
        yield "the agent is deleted"
    elif not found["changed"]:
        yield f"now version {found['current_version']}: the same for the code"
    else:
        yield f"now version {found['current_version']}, with changes since:"
        for one in found["differences"]:
            change = f"{one['member']} {show.compact(one['then'])} → {show.compact(one['now'])}"
            yield "  " + clean.cell(change)
