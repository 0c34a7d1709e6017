"""`onward worker get | drain | pause | resume | slots`: one worker, and what it is told while it runs."""

from collections.abc import Callable

import click

from onward.cli import exits, show, words
from onward.cli.exits import EXPLAINED
from onward.cli.options import output
from onward.cli.session import Session, session

_many = click.argument("workers", metavar="ID...", nargs=-1, required=True)


@click.command(epilog=EXPLAINED)
@click.argument("id")
@output
def get(*, id: str, form: str) -> None:
    """Show one worker, and what it runs."""
    here = session()
    one = here.client.workers.get(id)
    facts = {
        "status": one["status"],
        "slots": f"{one['busy']} of {one['slots']} used",
        "queues": ", ".join(_queue(one, name) for name in one["queues"]),
        "tasks": ", ".join(one["tasks"]),
        "version": one["version"],
        "host": f"{one['host']}, process {one['pid']}",
        "started": words.ago(one["started_at"], here.now()),
        "last heartbeat": words.ago(one["last_seen"], here.now()),
        "runs": ", ".join(one["executions"]) or "nothing",
    }
    show.record(
        here,
        form,
        one,
        lambda: [one["worker_id"], *(f"  {name:<16}{value}" for name, value in facts.items())],
    )


@click.command(epilog=EXPLAINED)
@_many
@click.option("--exit", "leave", is_flag=True, help="End its process when nothing runs any more.")
@output
def drain(*, workers: tuple[str, ...], leave: bool, form: str) -> int:
    """Let workers finish what they run, and take nothing new; `resume` takes that back."""
    here = session()
    return _each(here, workers, form, lambda one: here.client.workers.drain(one, exit=leave))


@click.command(epilog=EXPLAINED)
@_many
@output
def pause(*, workers: tuple[str, ...], form: str) -> int:
    """Let workers take nothing new until they are resumed; what they run goes on."""
    here = session()
    return _each(here, workers, form, here.client.workers.pause)


@click.command(epilog=EXPLAINED)
@_many
@output
def resume(*, workers: tuple[str, ...], form: str) -> int:
    """Let paused or draining workers take again."""
    here = session()
    return _each(here, workers, form, here.client.workers.resume)


@click.command(epilog=EXPLAINED)
@click.argument("id")
@click.argument("slots", type=click.IntRange(1, 10_000))
@output
def slots(*, id: str, slots: int, form: str) -> int:
    """Set how many executions a worker runs at once, until its process ends."""
    here = session()
    return _each(here, (id,), form, lambda one: here.client.workers.slots(one, slots))


def _each(here: Session, typed: tuple[str, ...], form: str, ask: Callable[[str], show.Json]) -> int:
    from onward.client.problem import ApiProblem

    code = exits.COMPLETED
    for text in typed:
        try:
            one = ask(text)
        except ApiProblem as refused:
            code = max(code, exits.report(refused, here.err))
            continue
        line = f"{one['worker_id']}  {one['status']}  {one['busy']}/{one['slots']} slots"
        show.record(here, form, one, lambda line=line: [line])  # type: ignore[misc]
    return code


def _queue(one: show.Json, name: str) -> str:
    weight = one["weights"].get(name)
    return name if weight is None else f"{name}={weight:g}"
