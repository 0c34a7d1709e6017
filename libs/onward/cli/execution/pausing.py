"""`onward execution pause | resume`."""

from collections.abc import Callable

import click

from onward.cli import exits, ids, show
from onward.cli.execution import telling
from onward.cli.exits import EXPLAINED
from onward.cli.options import output
from onward.cli.session import Session, session


@click.command(epilog=EXPLAINED)
@ids.argument(many=True)
@click.option("--reason", metavar="TEXT", help="Why, for people who look later.")
@output
def pause(*, ids_given: tuple[str, ...], reason: str | None, form: str) -> int:
    """Pause executions; the steps that run end first.

    Sleeps that end, answers and children's ends are kept, and count once it is resumed. Code that calls no step goes on
    to its end.
    """
    here = session()

    def ask(one: str) -> show.Json:
        found = here.client.pause(one, reason)
        if found["worker_id"]:
            here.note(f"{one}: its worker ends the steps that run first")
        return found

    return each(here, ids_given, form, ask)


@click.command(epilog=EXPLAINED)
@ids.argument(many=True)
@output
def resume(*, ids_given: tuple[str, ...], form: str) -> int:
    """Let paused executions go on where they were."""
    here = session()
    return each(here, ids_given, form, here.client.resume)


def each(here: Session, typed: tuple[str, ...], form: str, ask: Callable[[str], show.Json]) -> int:
    """Asks for each of these executions, shows what became of it, and reports what is refused."""
    from onward.client.problem import ApiProblem

    code = exits.COMPLETED
    for one in [ids.whole(here, text) for text in typed]:
        try:
            found = ask(one)
        except ApiProblem as refused:
            code = max(code, exits.report(refused, here.err))
            continue
        _show(here, form, found)
    return code


def _show(here: Session, form: str, found: show.Json) -> None:
    show.record(here, form, found, lambda: [f"{found['id']}  {telling.change(found, here)}"])
