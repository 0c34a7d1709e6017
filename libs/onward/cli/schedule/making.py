"""`onward schedule create`."""

import sys
from typing import Any

import click

from onward.cli import options, show, words
from onward.cli.exits import EXPLAINED, Told
from onward.cli.options import output, read_json
from onward.cli.resource import members
from onward.cli.session import session

EXAMPLES = """\b
Examples:
  onward schedule create nightly --cron "0 2 * * *" --zone Europe/Berlin --task backup
  onward schedule create poll --every 30s --task fetch -i '{"at": "{{tick}}"}' --overlap skip
  onward schedule create nightly --cron "0 2 * * *" --task backup --dry-run
  onward schedule create once --at 2027-01-01T08:00:00Z --task greet

"""


@click.command(epilog=EXAMPLES + EXPLAINED)
@click.argument("name")
@click.option("--cron", metavar="FIELDS", help="minute hour day month weekday; or @hourly, @daily, @weekly …")
@click.option("--zone", metavar="NAME", help="The time zone of --cron, as Europe/Berlin; otherwise UTC.")
@click.option("--every", type=options.duration, help="An interval: 30s, 5m, 2h.")
@click.option("--at", metavar="TIME", help="Once, at this time: 2027-01-01T08:00:00Z.")
@click.option("--task", metavar="TASK", help="What each tick starts …")
@click.option("--agent", metavar="NAME", help="… or the agent that it starts.")
@click.option("--team", metavar="NAME", help="… or the team of which one agent is started.")
@click.option(
    "-i", "--input", "given", metavar="JSON",
    help="Its input, with templates: {{tick}}, {{date}}, {{schedule}}. JSON, @file, or - for standard input.",
)  # fmt: skip
@click.option("--queue", metavar="NAME", help="Where it waits; otherwise the task's own queue.")
@click.option("--priority", type=click.IntRange(1, 9), help="9 goes first, 5 is usual.")
@click.option("--label", multiple=True, type=options.label, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--retries", type=click.IntRange(0, 999), help="How often a failed attempt is tried again.")
@click.option(
    "--overlap", type=click.Choice(["allow", "skip", "queue", "replace"]),
    help="What a tick does while an earlier execution has not ended; otherwise allow.",
)  # fmt: skip
@click.option(
    "--missed", type=click.Choice(["skip", "last", "all"]),
    help="Which ticks fire late that nobody was there to fire; otherwise all within the window.",
)  # fmt: skip
@click.option("--window", type=options.duration, help="How late a missed tick may fire; otherwise 1h.")
@click.option("--jitter", type=options.duration, help="Fire up to this much after the tick.")
@click.option("--start", metavar="TIME", help="No tick before this.")
@click.option("--end", metavar="TIME", help="No tick from here on.")
@click.option("--max-runs", type=click.IntRange(1), help="End after so many.")
@click.option("--paused", is_flag=True, default=None, help="Make it, and let it fire once it is resumed.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--file", "file", metavar="FILE", help="Its members as JSON or YAML; - reads standard input.")
@click.option("--set", "assignments", multiple=True, metavar="MEMBER=VALUE", help="Any other member.")
@click.option("--dry-run", "dry", is_flag=True, help="Store nothing: tell when it would fire.")
@output
def create(
    *,
    name: str,
    task: str | None,
    agent: str | None,
    team: str | None,
    given: str | None,
    queue: str | None,
    priority: int | None,
    label: tuple[str, ...],
    retries: int | None,
    file: str | None,
    assignments: tuple[str, ...],
    dry: bool,
    form: str,
    **times: Any,
) -> None:
    """Create a schedule."""
    from onward.cli.schedule import NOUN

    here = session()
    asked = {} if file is None else members.read(file, sys.stdin)
    submission = {
        "task": task,
        "agent": agent,
        "team": team,
        "input": None if given is None else read_json(given, "the input"),
        "queue": queue,
        "priority": priority,
        "labels": dict(one.split("=", 1) for one in label) or None,
        "retry": None if retries is None else {"attempts": retries + 1},
    }
    chosen = {member: value for member, value in submission.items() if value is not None}
    asked["submission"] = {**asked.get("submission", {}), **chosen}
    asked |= {member: value for member, value in times.items() if value is not None}
    asked = members.assigned({k: v for k, v in asked.items() if k not in {"name", *NOUN.told}}, assignments)
    if not asked["submission"]:
        raise Told("what shall it start?", fix="name a task: --task backup", code="usage")
    if dry:
        planned = here.client.schedules.preview(name, **asked)
        show.record(
            here, form, planned, lambda: [planned["words"], *(tick["local"] for tick in planned["next"])]
        )
        return
    made = here.client.resources(NOUN.plural).create(name, **asked)
    show.record(here, form, made, lambda: [made["name"]])
    if form == "table":
        here.note(f"{made['words']}; next {words.ago(made['next_at'], here.now())}")
        here.hint(f"onward schedule next {name}")
