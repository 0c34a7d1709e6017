"""`onward audit …`: who did, or was refused, what."""

from pathlib import Path
from typing import Any

import click

from onward.cli import options, show, table, words
from onward.cli.exits import EXPLAINED, FAILED
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import session

COMMANDS = {
    "list": ("onward.cli.audit:listing", "List who did or was refused what, newest first."),
    "export": ("onward.cli.audit:export", "Write every entry to a file: one JSON object a line, or CSV."),
    "verify": ("onward.cli.audit:verify", "Verify that the audit is complete and as it was written."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, epilog=EXPLAINED)
def audit() -> None:
    """Show who did or was refused what, and verify it."""


def filters(command: options.Command) -> options.Command:
    """Adds what narrows the entries down."""
    for add in (
        click.option(
            "--source", type=click.Choice(["resource", "execution", "refusal"]), help="Only this chain."
        ),
        click.option("--actor", metavar="NAME", help="Only what this one did, as key:ci."),
        click.option("--action", metavar="ACTION", help="Only this, as queue.updated or refused.forbidden."),
        click.option(
            "--kind", metavar="KIND", help="Only what happened to this kind, as queue or execution."
        ),
        click.option("--name", metavar="NAME", help="Only what happened to this one: a name, or an id."),
        click.option("--since", type=options.time, metavar="TIME", help="Only from then on: 1h, 2026-01-31."),
        click.option("--until", type=options.time, metavar="TIME", help="Only before that."),
    ):
        command = add(command)
    return command


@click.command("list")
@filters
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@output
def listing(*, limit: int, form: str, **given: Any) -> None:
    """List who did or was refused what, newest first."""
    here = session()
    columns = [
        show.Column("WHEN", lambda one: words.ago(one["at"], here.now())),
        show.Column("WHO", lambda one: one["actor"] or "-"),
        show.Column("WHAT", lambda one: one["action"]),
        show.Column("ON", lambda one: one["name"]),
        show.Column("DETAILS", _details),
    ]
    if not show.records(here, form, here.client.audit(limit=limit, **_named(given)), columns):
        here.note("nothing was done, or refused, that fits")


@click.command("export")
@filters
@click.option(
    "--file", "file", metavar="FILE", default="-", show_default=True, help="Where to; - is standard output."
)
@click.option("--csv", "as_csv", is_flag=True, help="As CSV for spreadsheets, in which no formula runs.")
def export(*, file: str, as_csv: bool, **given: Any) -> None:
    """Write every entry to a file: one JSON object a line, or CSV."""
    here, asked = session(), _named(given)
    if as_csv:
        lines = here.client.audit_csv(**asked)
    else:
        lines = (show.compact(one) + "\n" for one in here.client.audit(**asked))
    if file == "-":
        for line in lines:
            here.print(line.removesuffix("\n"))
        return
    count = 0
    with Path(file).expanduser().open("w", encoding="utf-8", newline="") as target:
        for line in lines:
            target.write(line)
            count += 1
    here.note(f"the entries are in {file}" if as_csv else f"{count} entries are in {file}")


@click.command("verify")
@output
def verify(*, form: str) -> int:
    """Verify that the audit is complete and as it was written."""
    here = session()
    found = here.client.verify_audit()
    show.record(here, form, found, lambda: [_told(chain) for chain in found["chains"]])
    return 0 if found["sound"] else FAILED


def _told(chain: show.Json) -> str:
    if chain["wrong"] is None:
        return f"✔ {chain['source']}: {chain['entries']} entries, the last has hash {chain['hash'][:16]}…"
    return f"✘ {chain['source']}: entry {chain['wrong']}: {chain['why']} ({chain['entries']} before it are sound)"


def _named(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _details(one: show.Json) -> str:
    before, after = one["before"] or {}, one["after"] or {}
    if one["source"] == "refusal":
        return str(after.get("detail", ""))
    kept = {"updated_at", "updated_by", "version", "created_at", "created_by", "name"}
    told = [
        f"{member}: {show.compact(before.get(member))} → {show.compact(after.get(member))}"
        if member in before
        else f"{member}: {show.compact(after.get(member))}"
        for member in {**before, **after}
        if member not in kept and before.get(member) != after.get(member)
    ]
    return table.cut(", ".join(told), 120)
