"""`onward run`: submits an execution, and waits for it or follows it if asked to."""

from typing import Any

import click

from onward.cli import exits, options, show
from onward.cli import then as following
from onward.cli.execution import telling
from onward.cli.execution.live import follow_log, wait_for
from onward.cli.exits import EXPLAINED
from onward.cli.options import output, read_json
from onward.cli.session import Session, session
from onward.cli.task import complete
from onward.contract.retention import CLASSES

EXAMPLES = """\b
Examples:
  onward run shell -i '{"command": "make test"}' --follow
  onward run report -i @input.json --wait -o json
  onward run --agent reviewer -i '{"pull_request": 7}'
  onward run build --then publish --on-failure alarm
  onward run sync -i '{"customer": 42}' --limit 'customer:{customer}=1'
  id=$(onward run report)

"""
_WARNINGS = {
    "no_worker": "no worker takes this task from this queue now; it waits until one does (`onward worker start`)",
    "queue_paused": "its queue is paused; it waits until that is resumed (`onward queue resume NAME`)",
    "other_environment": "its queue belongs to another environment",
    "no_worker_in_environment": "no worker takes from any queue of its environment (`onward environment get NAME`)",
}


@click.command(epilog=EXAMPLES + EXPLAINED)
@click.argument("task", required=False, shell_complete=complete)
@click.option("--agent", metavar="NAME", help="Who performs it, in place of a task.")
@click.option("--team", metavar="NAME", help="Whose agents perform it, in place of a task.")
@click.option(
    "-i", "--input", "given", metavar="JSON", help="Its input: JSON, @file, or - for standard input."
)
@click.option("--queue", metavar="NAME", help="Where it waits; otherwise the task's own queue.")
@click.option("--environment", metavar="NAME", help="The environment it belongs to.")
@click.option("--priority", type=click.IntRange(1, 9), help="9 goes first, 5 is usual.")
@click.option("--delay", type=options.duration, help="Start after this time: 30s, 5m, 2h.")
@click.option("--label", multiple=True, type=options.label, metavar="NAME=VALUE", help="May be repeated.")
@click.option(
    "--key", metavar="TEXT", help="Idempotency key: the same key starts the same execution only once."
)
@click.option("--retries", type=click.IntRange(0, 999), help="How often a failed attempt is tried again.")
@click.option("--timeout", type=options.duration, help="The longest that one attempt may take.")
@options.limits("At most N of this key run at once: customer:{id}=2.")
@click.option(
    "--retention",
    type=click.Choice(CLASSES),
    help="How long it is kept after its end; otherwise as its task says.",
)
@following.follow_ups
@click.option(
    "--dry-run",
    is_flag=True,
    help="Store nothing: tell where it would go, who would take it, and what is in its way.",
)
@click.option("--wait", is_flag=True, help="Return when it has ended; the exit code says how.")
@click.option(
    "-f", "--follow", is_flag=True, help="Print its log until it has ended; the exit code says how."
)
@output
def run(
    *,
    task: str | None,
    given: str | None,
    label: tuple[str, ...],
    key: str | None,
    retries: int | None,
    timeout: float | None,
    limit: tuple[str, ...],
    then: tuple[str, ...],
    on_failure: str | None,
    on_any: str | None,
    dry_run: bool,
    wait: bool,
    follow: bool,
    form: str,
    **fields: Any,
) -> int:
    """Submit an execution of TASK, or for an agent or a team."""
    here = session()
    asked: dict[str, Any] = dict(
        fields,
        task=task,
        input=None if given is None else read_json(given, "the input"),
        labels=dict(one.split("=", 1) for one in label) or None,
        retry=None if retries is None else {"attempts": retries + 1},
        timeouts=None if timeout is None else {"attempt": timeout},
        limits=[options.asked_limit(one) for one in limit] or None,
        then=following.asked(then, on_failure, on_any),
    )
    if dry_run:
        return _route(here, form, here.client.route(**asked))
    submitted = here.client.submit(idempotency_key=key, **asked)
    _warn(here, submitted)
    if follow:
        here.note(f"{submitted['id']}  {telling.change(submitted, here)}")
        return follow_log(here, submitted["id"], form, end=True)
    if wait:
        return wait_for(here, submitted["id"], form)
    _show(here, form, submitted)
    return exits.COMPLETED


def _warn(here: Session, told: show.Json) -> None:
    for warning in told.get("warnings") or ():
        here.note(f"warning: {_WARNINGS.get(warning, warning)}")


def _route(here: Session, form: str, route: show.Json) -> int:
    takers = [one["worker_id"] for one in route["workers"] if one["takes"]]
    limits = [_limit(one) for one in route["limits"]]
    facts = {
        "queue": f"{route['queue']}, class {route['priority_class']} (priority {route['priority']})",
        "environment": route["environment"] or "-",
        "starts": route["run_at"] or "at once",
        "taken by": ", ".join(takers) or "nobody now",
        "free slots": route["free_slots"],
        "limits": ", ".join(limits) or "-",
        **({"denied": route["denied"]} if route["denied"] else {}),
    }
    show.record(here, form, route, lambda: [f"{name:<14}{value}" for name, value in facts.items()])
    _warn(here, route)
    return exits.COMPLETED


def _limit(one: show.Json) -> str:
    most = [] if one["max"] is None else [f"at most {one['max']}"]
    rate = [] if one["rate"] is None else [f"{one['rate']} in {one['per']:g} s"]
    return f"{one['name']} ({', '.join(most + rate)})"


def _show(here: Session, form: str, submitted: show.Json) -> None:
    # The id alone on standard output, so that `id=$(onward run …)` holds it.
    show.record(here, form, submitted, lambda: [submitted["id"]])
    if form == "table":
        here.note(telling.change(submitted, here))
        here.hint(f"onward execution logs {submitted['id']} --follow")
