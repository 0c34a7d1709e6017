"""`onward events`: what happens to all executions, as it happens."""

from typing import Any

import click

from onward.cli import show, words
from onward.cli.options import STATUSES, label, output
from onward.cli.session import Session, session


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option("--after", type=click.IntRange(min=0), metavar="POSITION",
              help="Only events behind this position; 0 is the oldest there is.")  # fmt: skip
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Such as failed or question_asked; repeatable."
)
@click.option(
    "--status", multiple=True, type=click.Choice(STATUSES), help="Of the execution after it; repeatable."
)
@click.option("--task", multiple=True, metavar="TASK", help="Of executions of this task; repeatable.")
@click.option("--queue", multiple=True, metavar="QUEUE", help="Of executions in this queue; repeatable.")
@click.option("--agent", multiple=True, metavar="AGENT", help="Of executions of this agent; repeatable.")
@click.option(
    "--execution", multiple=True, metavar="ID", help="Of this execution (the whole id); repeatable."
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    type=label,
    metavar="NAME=VALUE",
    help="Of executions that have all these labels.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after so many.")
@output
def events(*, follow: bool, after: int | None, form: str, limit: int | None, **asked: Any) -> None:
    """Print what happens to all executions, oldest first.

    The position that each line begins with is where `--after` goes on: nothing is lost and nothing comes twice.
    """
    here = session()
    filters = {
        "type": asked["types"], "status": asked["status"], "task": asked["task"], "queue": asked["queue"],
        "agent_id": asked["agent"], "execution_id": asked["execution"], "label": asked["labels"],
    }  # fmt: skip
    wanted = {name: list(values) for name, values in filters.items() if values}
    reader = here.client.happenings(after=after, follow=follow, limit=limit, **wanted)
    count = 0
    try:
        for one in reader:
            _print(here, form, one)
            count += 1
            if count == limit:
                return
    except KeyboardInterrupt:
        here.hint(f"onward events --follow --after {reader.position}", "goes on from here")


def _print(here: Session, form: str, one: dict[str, Any]) -> None:
    if form != "table":
        show.streamed(here, form, one)
        return
    status = " ".join(part for part in (one["status"], one["reason"] and f"({one['reason']})") if part)
    parts = [
        str(one["position"]), words.local(one["event"]["at"]), one["type"], one["execution_id"], one["task"] or "-",
        status or "-",
    ]  # fmt: skip
    here.print("  ".join(parts))
    here.flush()
