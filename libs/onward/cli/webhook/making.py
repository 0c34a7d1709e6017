"""`onward webhook create` and `rotate`."""

import sys
from typing import Any

import click

from onward.cli import options, show
from onward.cli.exits import EXPLAINED, Told
from onward.cli.options import output, read_json
from onward.cli.resource import members
from onward.cli.session import Session, session

EXAMPLES = """\b
Examples:
  onward webhook create paid --task ship -i '{"order": "{{body.order.id}}"}'
  onward webhook create approved --send approved --to '{{body.execution_id}}' -i '{{body.decision}}'

"""


@click.command(epilog=EXAMPLES + EXPLAINED)
@click.argument("name")
@click.option("--task", metavar="TASK", help="What each call starts.")
@click.option("--send", metavar="EVENT", help="In place of a task: the event that each call sends …")
@click.option("--to", metavar="ID", help="… to this execution, most often a template: {{body.id}}.")
@click.option(
    "-i", "--input", "given", metavar="JSON",
    help="The input, or the event's value, with templates: {{body}}, {{body.order.id}}.",
)  # fmt: skip
@click.option("--queue", metavar="NAME", help="Where it waits; otherwise the task's own queue.")
@click.option("--label", multiple=True, type=options.label, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--per-minute", type=click.IntRange(1), help="More calls than that are refused; otherwise 60.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--file", "file", metavar="FILE", help="Its members as JSON or YAML; - reads standard input.")
@click.option("--set", "assignments", multiple=True, metavar="MEMBER=VALUE", help="Any other member.")
@output
def create(
    *,
    name: str,
    task: str | None,
    send: str | None,
    to: str | None,
    given: str | None,
    queue: str | None,
    label: tuple[str, ...],
    per_minute: int | None,
    description: str | None,
    file: str | None,
    assignments: tuple[str, ...],
    form: str,
) -> None:
    """Create a webhook, and show its secret this once."""
    from onward.cli.webhook import NOUN

    here = session()
    asked = {} if file is None else members.read(file, sys.stdin)
    value = None if given is None else _input(given)
    if send is not None:
        asked["event"] = _chosen({"name": send, "execution_id": to, "value": value})
    elif task is not None:
        labels = dict(one.split("=", 1) for one in label) or None
        asked["submission"] = _chosen({"task": task, "input": value, "queue": queue, "labels": labels})
    asked |= _chosen({"per_minute": per_minute, "description": description})
    asked = members.assigned({k: v for k, v in asked.items() if k not in {"name", *NOUN.told}}, assignments)
    if not asked.get("submission") and not asked.get("event"):
        raise Told("what shall a call do?", fix="name a task, or an event: --task ship", code="usage")
    webhooks = here.client.resources(NOUN.plural)
    webhooks.create(name, **asked)
    _show(here, form, webhooks.act(name, "secret"))


@click.command()
@click.argument("name")
@click.option("--keep-old", type=options.duration, help="How long the old secret stays good; otherwise 1d.")
@output
def rotate(*, name: str, keep_old: float | None, form: str) -> None:
    """Make a new secret, shown this once; the old one stays good for a while."""
    here = session()
    _show(
        here, form, here.client.resources("webhooks").act(name, "secret", **_chosen({"keep_old": keep_old}))
    )


def _show(here: Session, form: str, made: show.Json) -> None:
    show.record(here, form, made, lambda: [made["secret"]])
    if form == "table":
        here.note(f"POST {here.client.url}{made['path']}, signed with this secret; it is not shown again")


def _input(text: str) -> Any:
    # A single place is no JSON: it stands for a value of any type.
    return text if text.startswith("{{") and text.endswith("}}") else read_json(text, "the input")


def _chosen(given: show.Json) -> show.Json:
    return {member: value for member, value in given.items() if value is not None}
