"""`onward analytics …`: how executions went, and where their time goes."""

from collections.abc import Callable
from typing import Any

import click

from onward.cli import options, show, words
from onward.cli.lazy import LazyGroup
from onward.cli.options import output
from onward.cli.session import Session, session

COMMANDS = {
    "summary": (
        "onward.cli.analytics:summary",
        "Throughput, success rate, durations, queue wait.",
    ),
    "trend": ("onward.cli.analytics:trend", "The same for each minute, hour or day."),
    "breakdown": ("onward.cli.analytics:breakdown", "The same for each task, queue, agent or version."),
    "utilisation": ("onward.cli.utilisation:utilisation", "How busy the workers, or the queues, were."),
    "workers": ("onward.cli.sizing:workers", "How many workers each queue needs."),
    "slow-steps": ("onward.cli.analytics:slow_steps", "The steps that took most time in sum."),
}
_BY = ("task", "queue", "environment", "agent_id", "team", "version")


@click.group(cls=LazyGroup, lazy=COMMANDS)
def analytics() -> None:
    """Show how executions went, and where their time goes.

    They are found by when they ended: in the last 24 hours, unless it is said.
    """


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        [
            click.option(
                "--since", type=options.time, help="What ended after: 7d (ago), or an RFC 3339 time."
            ),
            click.option("--until", type=options.time, help="What ended before."),
            click.option("--task", metavar="NAME", help="Only executions of this task."),
            click.option("--queue", metavar="NAME", help="Only this queue."),
            click.option("--environment", metavar="NAME", help="Only this environment."),
            click.option("--agent", "agent_id", metavar="ID", help="Only this agent."),
            click.option("--team", metavar="ID", help="Only this team."),
            click.option("--csv", "as_csv", is_flag=True, help="As CSV, for a spreadsheet."),
        ]
    ):
        command = option(command)
    return command


@click.command()
@_filters
@output
def summary(*, form: str, as_csv: bool, **given: Any) -> None:
    """Throughput, success rate, durations, queue wait.

    Each beside how much it has changed against the time as long before it.
    """
    here = session()
    if as_csv:
        return _csv(here, "summary", given)
    found = here.client.analytics("summary", **_given(given))
    now, before = found["figures"], found["previous"]["figures"]
    facts = [
        ("ended", _count(now["ended"]), _change(now["ended"], before["ended"])),
        *(
            (name, _count(now[name]), _change(now[name], before[name]))
            for name in ("completed", "failed", "cancelled")
        ),
        ("per hour", f"{now['per_hour']:,.1f}", _change(now["per_hour"], before["per_hour"])),
        ("success", _share(now), _points(now["success_rate"], before["success_rate"])),
        *_times("duration", now["duration"], before["duration"]),
        *_times("queue wait", now["queue_wait"], before["queue_wait"]),
    ]
    heading = (
        f"{words.local(found['since'])} to {words.local(found['until'])}, and against the time before it"
    )
    show.record(here, form, found, lambda: [heading, *(f"  {n:<16}{v:>12}  {c}" for n, v, c in facts)])
    return None


@click.command()
@_filters
@click.option(
    "--bucket",
    type=click.Choice(("minute", "hour", "day")),
    default="hour",
    show_default=True,
    help="Into what the time is cut.",
)
@click.option("--zone", metavar="NAME", help="Whose hours and days, such as Europe/Berlin; otherwise UTC.")
@output
def trend(*, form: str, as_csv: bool, **given: Any) -> None:
    """The same for each minute, hour or day."""
    here = session()
    if as_csv:
        return _csv(here, "trend", given)
    found = here.client.analytics("trend", **_given(given))
    columns = [show.Column("SINCE", lambda one: words.local(one["since"])), *_COLUMNS]
    show.records(here, form, found["items"], columns)
    return None


@click.command()
@_filters
@click.option("--by", type=click.Choice(_BY), default="task", show_default=True, help="By what.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="At most so many.")
@output
def breakdown(*, form: str, as_csv: bool, by: str, **given: Any) -> None:
    """The same for each task, queue, agent or version."""
    here = session()
    given["by"] = by
    if as_csv:
        return _csv(here, "breakdown", given)
    found = here.client.analytics("breakdown", **_given(given))
    columns = [show.Column(by.removesuffix("_id").upper(), lambda one: one["name"] or "-"), *_COLUMNS]
    if not show.records(here, form, found["items"], columns):
        here.note("nothing ended in that time")
    return None


@click.command("slow-steps")
@click.option("--since", type=options.time, help="Of what ended after: 7d (ago), or an RFC 3339 time.")
@click.option("--until", type=options.time, help="Of what ended before.")
@click.option("--task", metavar="NAME", help="Only steps of this task.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="At most so many.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, for a spreadsheet.")
@output
def slow_steps(*, form: str, as_csv: bool, **given: Any) -> None:
    """The steps that took most time in sum."""
    here = session()
    if as_csv:
        return _csv(here, "slow-steps", given)
    found = here.client.analytics("slow-steps", **_given(given))
    columns = [
        show.Column("TASK", lambda one: one["task"]),
        show.Column("STEP", lambda one: one["step"]),
        show.Column("COUNT", lambda one: _count(one["count"])),
        show.Column("IN SUM", lambda one: words.duration(one["total_ms"])),
        *(_ms_column(name, f"{name.lower()}_ms", None) for name in ("AVG", "P50", "P95", "P99", "MAX")),
    ]
    if not show.records(here, form, found["items"], columns):
        here.note("no steps were saved in that time")
    return None


def _csv(here: Session, what: str, given: dict[str, Any]) -> None:
    here.print(here.client.analytics_csv(what, **_given(given)).rstrip("\n"))


def _given(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _ms_column(title: str, name: str, part: str | None) -> show.Column:
    def text(one: show.Json) -> str:
        times = one["figures"][part] if part else one
        return "-" if times[name] is None else words.duration(times[name])

    return show.Column(title, text)


def _count(number: int) -> str:
    return f"{number:,}"


def _share(figures: show.Json) -> str:
    return "-" if figures["success_rate"] is None else f"{figures['success_rate']:.1%}"


def _change(now: float, before: float) -> str:
    return "" if not before else f"{(now - before) / before:+.0%}"


def _points(now: float | None, before: float | None) -> str:
    return "" if now is None or before is None else f"{(now - before) * 100:+.1f} points"


def _times(title: str, now: show.Json, before: show.Json) -> list[tuple[str, str, str]]:
    told = []
    for name in ("avg", "min", "max", "p50", "p95", "p99"):
        value, was = now[f"{name}_ms"], before[f"{name}_ms"]
        shown = "-" if value is None else words.duration(value)
        told.append((f"{title} {name}", shown, _change(value, was) if value is not None and was else ""))
    return told


_COLUMNS = [
    show.Column("ENDED", lambda one: _count(one["figures"]["ended"])),
    show.Column("FAILED", lambda one: _count(one["figures"]["failed"])),
    show.Column("CANCELLED", lambda one: _count(one["figures"]["cancelled"])),
    show.Column("SUCCESS", lambda one: _share(one["figures"])),
    show.Column("PER HOUR", lambda one: f"{one['figures']['per_hour']:,.1f}"),
    _ms_column("AVG", "avg_ms", "duration"),
    _ms_column("P95", "p95_ms", "duration"),
    _ms_column("WAIT AVG", "avg_ms", "queue_wait"),
    _ms_column("WAIT P95", "p95_ms", "queue_wait"),
]
