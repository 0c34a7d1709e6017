"""The options that say which executions are meant: those of a list, and of what is done to all that it finds."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from onward.cli import ids, options
from onward.cli.options import STATUSES
from onward.cli.session import Session

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--view", metavar="NAME", help="The filters of this saved view; other options change them."),
    click.option("--status", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated."),
    click.option("--task", metavar="NAME", help="Only executions of this task."),
    click.option("--queue", metavar="NAME", help="Only this queue."),
    click.option("--environment", metavar="NAME", help="Only this environment."),
    click.option("--agent", "agent_id", metavar="NAME", help="Only this agent."),
    click.option("--team", metavar="NAME", help="Only this team."),
    click.option(
        "--label", multiple=True, type=options.label, metavar="NAME=VALUE", help="Only with this; may be repeated."
    ),
    click.option("--worker", metavar="ID", help="Only what this worker holds."),
    click.option("--parent", metavar="ID", help="Only children of this execution."),
    click.option("--retried-from", metavar="ID", help="Only reruns of this execution."),
    click.option("--error", metavar="FINGERPRINT", help="Only what failed with this: see `onward errors list`."),
    click.option("--stalled", is_flag=True, help="Only what runs and seems to make no progress."),
    click.option("--since", type=options.time, help="Only created after: 1h (ago), or an RFC 3339 time."),
    click.option("--until", type=options.time, help="Only created before."),
    click.option("--ended-since", type=options.time, help="Only what ended after, be it retried since."),
    click.option("--ended-until", type=options.time, help="Only what ended before."),
    click.option("--ended-as", type=click.Choice(STATUSES[2:]), help="Only what ended so, as analytics counts it."),
    click.option("--search", metavar="TEXT", help="Only where this text is found."),
)  # fmt: skip


def filters(command: Command) -> Command:
    """Adds the options of a list."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked(here: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Returns what these options ask of the list, by its parameters; ids are made whole."""
    found = dict(given)
    found["q"] = found.pop("search", None)
    found["stalled"] = "true" if found.get("stalled") else None
    for name in ("parent", "retried_from"):
        if found.get(name):
            found[name] = ids.whole(here, found[name])
    view = found.pop("view", None)
    saved = here.client.resources("saved-views").get(view)["filters"] if view else {}
    return {**saved, **{name: value for name, value in found.items() if value not in (None, ())}}
