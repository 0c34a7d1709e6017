"""`onward errors …`: failures that are the same one."""

from typing import Any

import click

from onward.cli import options, show, table, words
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import session

COMMANDS = {
    "list": ("onward.cli.errors:listing", "List groups of failures, the most frequent first."),
    "get": ("onward.cli.errors:get", "Show one group, and how it went."),
    "retry": ("onward.cli.bulk:retry_group", "Give every execution of one group another life."),
}
_BAR = 40


@click.group(cls=LazyGroup, lazy=COMMANDS)
def errors() -> None:
    """Show failures grouped by what is the same in them.

    That is the type, the place in the code, and the message without its data.
    """


@click.command("list")
@click.option(
    "--since", type=options.time, help="With failures after: 7d (ago), the default, or an RFC 3339 time."
)
@click.option("--until", type=options.time, help="With failures before.")
@click.option("--task", metavar="NAME", help="Only failures of this task.")
@click.option("--queue", metavar="NAME", help="Only in this queue.")
@click.option("--version", metavar="TEXT", help="Only of this version of the code.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many.")
@output
def listing(*, form: str, **given: Any) -> None:
    """List groups of failures, the most frequent first."""
    here = session()
    now = here.now()
    found = here.client.error_groups(**{name: value for name, value in given.items() if value is not None})
    columns = [
        show.Column("FINGERPRINT", lambda one: one["fingerprint"]),
        show.Column("COUNT", lambda one: f"{one['count']:,}"),
        show.Column("FIRST SEEN", lambda one: words.ago(one["first_seen"], now)),
        show.Column("LAST SEEN", lambda one: words.ago(one["last_seen"], now)),
        show.Column("TASKS", lambda one: " ".join(one["tasks"])),
        show.Column("VERSIONS", lambda one: " ".join(one["versions"]) or "-"),
        show.Column("ERROR", lambda one: f"{one['type'].rpartition('.')[2]}: {one['message']}"),
    ]
    if not show.records(here, form, found, columns):
        here.note("nothing failed in that time")
    elif form == "table":
        here.hint("onward errors get FINGERPRINT")


@click.command("get")
@click.argument("fingerprint")
@click.option(
    "--since", type=options.time, help="The trend from: 7d (ago), the default, or an RFC 3339 time."
)
@output
def get(*, fingerprint: str, form: str, since: str | None) -> None:
    """Show one group, and how it went."""
    here = session()
    found = here.client.error_group(fingerprint, **({} if since is None else {"since": since}))
    now = here.now()
    most = max((each["count"] for each in found["trend"]), default=0) or 1
    facts = {
        "count": f"{found['count']:,} of {found['total']:,} ever",
        "first seen": f"{words.local(found['first_seen'])}  ({words.ago(found['first_seen'], now)})",
        "last seen": f"{words.local(found['last_seen'])}  ({words.ago(found['last_seen'], now)})",
        "tasks": " ".join(found["tasks"]),
        "queues": " ".join(found["queues"]),
        "versions": " ".join(found["versions"]),
        "newest": found["execution_id"],
        "open": f"{found['open']:,} stand as failed with it: onward execution list --error {fingerprint}",
    }
    lines = [
        table.cut(f"{found['fingerprint']}  {found['type']}: {found['message']}", 2_000),
        *(f"  {name:<11}{value}" for name, value in facts.items() if value),
        *(
            f"  {words.local(each['since'])}  {'█' * (-(-each['count'] * _BAR // most))} {each['count']:,}"
            for each in found["trend"]
            if each["count"]
        ),
    ]
    show.record(here, form, found, lambda: lines)
