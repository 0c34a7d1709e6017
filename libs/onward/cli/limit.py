"""`onward limit …`: how many executions may hold a key, or start within a time, whatever they say themselves."""

from typing import Any

import click

from onward.cli import show, words
from onward.cli.options import output
from onward.cli.resource.noun import Noun
from onward.cli.resource.verbs import group_of
from onward.cli.session import session
from onward.client.problem import ApiProblem
from onward.contract import ids

TAKEN = 409

NOUN = Noun(
    word="limit",
    plural="limits",
    columns=lambda: (
        show.Column("KEY", lambda one: one["key"]),
        show.Column("MAX", lambda one: _number(one["max"])),
        show.Column("RATE", _rate),
        show.Column("HELD", lambda one: str(len(one["holders"]))),
        show.Column("WAITING", lambda one: str(one["waiting_total"])),
        show.Column("CHANGED", lambda one: words.ago(one["updated_at"], session().now())),
        show.Column("NAME", lambda one: one["name"]),
    ),
    example="onward limit set customer:42 --max 5",
    told=("holders", "waiting", "waiting_total"),
)
COMMANDS = {"set": ("onward.cli.limit:set_limit", "Set the limit of a key.")}

limit = group_of(NOUN, "Set and show how many executions may hold a key.", COMMANDS)


@click.command("set")
@click.argument("key")
@click.option("--max", "most", type=int, metavar="N", help="How many may hold it at once.")
@click.option("--rate", type=int, metavar="N", help="How many may start within the time of --per.")
@click.option("--per", type=float, metavar="SECONDS", help="The time of --rate; 1 s where nobody says more.")
@output
def set_limit(*, key: str, most: int | None, rate: int | None, per: float | None, form: str) -> None:
    """Set the limit of a key.

    KEY is such as customer:42, queue:gpu or task:report; what holds it goes on.
    """
    here = session()
    given = {"max": most, "rate": rate, "per": per}
    members: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    limits, name = here.client.resources(NOUN.plural), ids.limit_id(key)
    try:
        found = limits.create(name, key=key, **members)
    except ApiProblem as problem:
        if problem.status != TAKEN:
            raise
        found = limits.update(name, **members)
    show.record(here, form, found, lambda: [f"limit {key}: max {_number(found['max'])}, rate {_rate(found)}"])


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)


def _rate(one: Any) -> str:
    return "-" if one["rate"] is None else f"{one['rate']} in {one['per'] or 1:g} s"
