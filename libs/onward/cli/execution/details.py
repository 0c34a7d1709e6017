"""`onward execution get | events | steps | attempts | checkpoints`."""

from collections.abc import Iterator

import click

from onward.cli import clean, ids, show, words
from onward.cli.execution import explaining, telling
from onward.cli.options import output
from onward.cli.session import Session, session
from onward.cli.table import MARKS

_ENVELOPE = frozenset(
    {
        "type",
        "id",
        "project",
        "execution_id",
        "n",
        "at",
        "routes",
        "wake",
        "actor",
        "trace",
        "v",
        "input",
        "ack_subject",
        "connection",
        "work_sequence",
    }
)


@click.command()
@ids.argument()
@output
def get(id: str, form: str) -> None:
    """Show one execution."""
    here = session()
    found = here.client.get(ids.whole(here, id))
    show.record(here, form, found, lambda: _summary(found, here))
    if form == "table":
        _what_next(here, found)


@click.command()
@ids.argument()
@output
def events(id: str, form: str) -> None:
    """List what happened to an execution, oldest first."""
    here = session()
    columns = [
        show.Column("N", lambda one: str(one["n"])),
        show.Column("TIME", lambda one: words.local(one["at"])),
        show.Column("EVENT", lambda one: one["type"]),
        show.Column("BY", lambda one: one.get("actor") or "-"),
        show.Column("DETAIL", _told),
    ]
    show.records(here, form, here.client.events(ids.whole(here, id)), columns)


@click.command()
@ids.argument()
@output
def steps(id: str, form: str) -> None:
    """List the steps of an execution as they stand."""
    here = session()
    columns = [
        show.Column("STEP", _step),
        show.Column("STATUS", _status, _style),
        show.Column("ATTEMPT", lambda one: str(one["attempt"])),
        show.Column("TRIES", lambda one: str(one["tries"])),
        show.Column("DURATION", lambda one: words.duration(one["duration_ms"])),
        show.Column("RESULT", _result),
    ]
    if not show.records(here, form, here.client.steps(ids.whole(here, id)), columns):
        here.note("no step has ended yet")


@click.command()
@ids.argument()
@output
def attempts(id: str, form: str) -> None:
    """List the tries of an execution by workers."""
    here = session()
    columns = [
        show.Column("ATTEMPT", lambda one: str(one["attempt"])),
        show.Column("STATUS", _status, _style),
        show.Column("WORKER", lambda one: one["worker_id"] or "-"),
        show.Column("STARTED", lambda one: words.local(one["started_at"])),
        show.Column("DURATION", lambda one: words.duration(one["duration_ms"])),
        show.Column("DETAIL", _reason),
    ]
    if not show.records(here, form, here.client.attempts(ids.whole(here, id)), columns):
        here.note("no worker has taken it up yet")


@click.command()
@ids.argument()
@output
def checkpoints(id: str, form: str) -> None:
    """List the saved results of an execution, oldest first."""
    here = session()
    columns = [
        show.Column("N", lambda one: str(one["n"])),
        show.Column("TIME", lambda one: words.local(one["at"])),
        show.Column("KIND", lambda one: one["kind"]),
        show.Column("NAME", _step),
        show.Column("CURRENT", lambda one: "yes" if one["current"] else "no"),
        show.Column("RESULT", _result),
    ]
    if not show.records(here, form, here.client.checkpoints(ids.whole(here, id)), columns):
        here.note("nothing is saved yet")


def _summary(found: show.Json, here: Session) -> Iterator[str]:
    yield from telling.summary(found, here)
    if found["status"] == "failed" and (steps := _failed_steps(here, found["id"])):
        yield f"  {'failed in':<11}{clean.cell(f'step {steps}')}"
    if why := explaining.briefly(found, here):
        yield f"  {'why':<11}{clean.cell(why)}"


def _failed_steps(here: Session, id: str) -> str:
    """Returns the steps that failed at last, as `execution steps` shows them."""
    stand = [one for one in here.client.steps(id) if not one["forgotten"]]
    return ", ".join(_step(one) for one in stand if one["status"] == "failed")


def _what_next(here: Session, found: show.Json) -> None:
    if found["reason"] == "paused":
        here.hint(f"onward execution resume {found['id']}")
    elif telling.asks(found):
        here.hint(f"onward execution answer {found['id']} ANSWER")
    elif found["status"] == "failed":
        here.hint(f"onward execution logs {found['id']}")
        here.hint(f"onward execution retry {found['id']}", "goes on from its checkpoints")
    elif found["status"] in {"pending", "running"}:
        here.hint(f"onward execution logs {found['id']} --follow")


def _told(one: show.Json) -> str:
    if error := one.get("error"):
        return telling.failure(error)
    rest = {name: value for name, value in one.items() if name not in _ENVELOPE}
    return " ".join(
        f"{name}={value if isinstance(value, str) else show.compact(value)}" for name, value in rest.items()
    )


def _step(one: show.Json) -> str:
    path = "/".join(part for part in (one["scope"], one["name"]) if part)
    return f"{path}[{one['key']}]" if one["key"] else path


def _status(one: show.Json) -> str:
    sign, _ = MARKS.get(one["status"], ("·", ""))
    return (
        f"{sign} {one['status']}"
        + (" (forgotten)" if one.get("forgotten") else "")
        + (" (edited)" if one.get("edited") else "")
    )


def _style(one: show.Json) -> str:
    return MARKS.get(one["status"], ("", ""))[1]


def _result(one: show.Json) -> str:
    return _reason(one) if one.get("error") else "" if one["result"] is None else show.compact(one["result"])


def _reason(one: show.Json) -> str:
    error = one.get("error")
    return telling.failure(error) if error else one.get("reason") or ""
