"""`onward execution move | prioritize | delay | label`: another place in line, while it lives."""

from datetime import UTC, timedelta
from typing import Any

import click

from onward.cli import ids, options, words
from onward.cli.execution.pausing import each
from onward.cli.exits import EXPLAINED
from onward.cli.options import output
from onward.cli.session import session

NOW = "now"


@click.command(epilog=EXPLAINED)
@ids.argument(many=True)
@click.option("--queue", required=True, metavar="NAME", help="Where to.")
@output
def move(ids_given: tuple[str, ...], queue: str, form: str) -> int:
    """Move executions into another queue.

    What waits moves at once, what runs with its next wait.
    """
    return _amend(ids_given, form, queue=queue)


@click.command(epilog=EXPLAINED)
@click.argument("priority", type=click.IntRange(1, 9))
@ids.argument(many=True)
@output
def prioritize(priority: int, ids_given: tuple[str, ...], form: str) -> int:
    """Give executions another priority.

    PRIORITY is 1 to 9: 9 goes first, 5 is usual.
    """
    return _amend(ids_given, form, priority=priority)


@click.command(epilog=EXPLAINED)
@click.argument("until", metavar="UNTIL")
@ids.argument(many=True)
@output
def delay(until: str, ids_given: tuple[str, ...], form: str) -> int:
    """Let executions start later, or now.

    UNTIL is a time from now (10m), a time such as 2030-01-31T08:00:00Z, or `now`; those that have not begun start then.
    What waits for its next attempt takes that at this time.
    """
    return _amend(ids_given, form, run_at=_time(until))


@click.command("label", epilog=EXPLAINED)
@ids.argument(many=True)
@click.option(
    "--set", "given", multiple=True, type=options.label, metavar="NAME=VALUE", help="May be repeated."
)
@click.option("--remove", multiple=True, metavar="NAME", help="May be repeated.")
@output
def relabel(ids_given: tuple[str, ...], given: tuple[str, ...], remove: tuple[str, ...], form: str) -> int:
    """Change the labels of executions; what is not named stays."""
    labels: dict[str, str | None] = dict.fromkeys(remove)
    labels |= dict(one.split("=", 1) for one in given)
    if not labels:
        raise click.UsageError("name a label: --set NAME=VALUE or --remove NAME")
    return _amend(ids_given, form, labels=labels)


def _time(text: str) -> str:
    if text == NOW:
        return NOW
    now = session().now()
    try:
        at = now + timedelta(seconds=words.seconds(text))
    except ValueError:
        try:
            at = words.parse(text)
        except ValueError:
            raise click.BadParameter(f"{text!r} is no time: write 10m, 2030-01-31T08:00:00Z or now") from None
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _amend(ids_given: tuple[str, ...], form: str, **to: Any) -> int:
    here = session()
    return each(here, ids_given, form, lambda one: here.client.amend(one, **to))
