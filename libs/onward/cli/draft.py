"""`onward draft …`: executions that are planned."""

import click

from onward.cli import show, words
from onward.cli.options import output
from onward.cli.resource.kinds import changed, text
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session

NOUN = Noun(
    word="draft",
    plural="drafts",
    columns=lambda: (
        text("name"),
        text("state"),
        show.Column("RUNS", lambda one: one["agent"] or one["team"] or one["task"]),
        show.Column("PLANNED FOR", lambda one: words.local(one["run_at"]) if one["run_at"] else "-"),
        text("depends_on"),
        show.Column("EXECUTION", lambda one: one["execution_id"] or "-"),
        text("title"),
        *changed(),
    ),
    example="onward draft create nightly-report --set task=report --set run_at=2030-01-31T02:00:00Z",
    told=("state", "execution_id", "decided_by", "decided_at", "because", "waits_for", "links"),
)
COMMANDS = {
    "approve": ("onward.cli.draft:approve", "Submit a draft, once all it depends on has completed."),
    "reject": ("onward.cli.draft:reject", "Reject a draft; it is kept."),
}

draft = group_of(NOUN, "Plan executions, and approve them when it is time.", COMMANDS)


@click.command("approve")
@click.argument("name")
@output
def approve(*, name: str, form: str) -> None:
    """Submit a draft, once all it depends on has completed; a second time changes nothing."""
    here = session()
    found = here.client.resources(NOUN.plural).act(name, "approve")
    show.record(here, form, found, lambda: [_told(found)])


@click.command("reject")
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Why; shown with the draft.")
@output
def reject(*, name: str, reason: str | None, form: str) -> None:
    """Reject a draft; it is kept, and may be changed or approved later."""
    here = session()
    given = {} if reason is None else {"reason": reason}
    found = here.client.resources(NOUN.plural).act(name, "reject", **given)
    show.record(here, form, found, lambda: [_told(found)])


def _told(one: show.Json) -> str:
    match one["state"]:
        case "submitted":
            return f"{one['name']} is submitted: execution {one['execution_id']}"
        case "approved":
            return f"{one['name']} is approved, and waits for {', '.join(one['waits_for'])}"
        case state:
            return f"{one['name']} is {state}" + (f": {one['because']}" if one["because"] else "")
