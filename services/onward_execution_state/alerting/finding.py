"""Asks Postgres for what each kind of rule looks at: one condition, one statement."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from onward.contract.alerts import AlertSpec
from onward.contract.incidents import Finding
from onward_execution_state.database import Connection
from onward_execution_state.rows import plain, state_of
from onward_execution_state.statements import load

_SQL = load("alerts.sql")

_MOST_TOLD = 20

Listening = Callable[[str, str, datetime], int | None]
"""How many workers take from a queue of a project; None while nobody can tell yet."""


async def find(  # noqa: PLR0917 - what is looked at, from the widest to the narrowest
    postgres: Connection, spec: AlertSpec, project: str, since: datetime, now: datetime, listening: Listening
) -> list[Finding]:
    """All for which the condition of a rule may hold. What happened before `since` is none of its business."""
    start = max(since, now - timedelta(seconds=spec.window))
    match spec.when:
        case "execution_failed":
            rows = await postgres.fetch(
                _SQL["execution_failed"], project, start, *_filters(spec), spec.fingerprint
            )
            return await _told(postgres, rows)
        case "failure_rate":
            rows = await postgres.fetch(_SQL["failure_rate"], project, start, *_filters(spec))
            return [
                _finding(row, f"{row['what']} of {row['count']} failed ({row['value']:.0%})") for row in rows
            ]
        case "queue_wait" if spec.measure == "p95":
            rows = await postgres.fetch(_SQL["waited"], project, start, *_filters(spec))
            return [
                _finding(row, f"p95 of the wait is {_time(row['value'])} in {row['what']}") for row in rows
            ]
        case "queue_wait":
            rows = await postgres.fetch(_SQL["oldest_waiting"], project, now, *_filters(spec))
            return [
                _finding(row, f"{row['count']} wait in {row['what']}, the oldest for {_time(row['value'])}")
                for row in rows
            ]
        case "no_worker":
            rows = await postgres.fetch(_SQL["oldest_waiting"], project, now, *_filters(spec, "queue"))
            return _unserved(rows, spec, project, now, listening)
        case "stalled":
            rows = await postgres.fetch(_SQL["stalled"], project, now, *_filters(spec))
            return [_finding(row, str(row["what"])) for row in rows]
        case "question_waiting":
            rows = await postgres.fetch(_SQL["question_waiting"], project, now, *_filters(spec))
            return [_finding(row, f"{row['what']}, for {_time(row['value'])}") for row in rows]
        case "schedule_missed":
            rows = await postgres.fetch(_SQL["schedule_missed"], project, start, spec.key, spec.schedule)
            return [_finding(row, f"{row['count']} ticks missed, of {row['what']}") for row in rows]


async def _told(postgres: Connection, failures: list[Any]) -> list[Finding]:
    """Failures with the words of the last one, as far as they are not many."""
    ids = [row["execution_id"] for row in failures[:_MOST_TOLD]]
    states = {row["id"]: state_of(row["state"]) for row in await postgres.fetch(_SQL["last_failures"], ids)}
    found = []
    for row in failures:
        state = states.get(row["execution_id"])
        error = "" if state is None or state.error is None else f": {state.error.type} {state.error.message}"
        found.append(_finding(row, f"{row['count']} failed, last {row['what']}{error}"))
    return found


def _filters(spec: AlertSpec, key: str | None = None) -> tuple[Any, ...]:
    label = None
    if spec.label is not None:
        name, _, value = spec.label.partition("=")
        label = msgspec.json.encode({name: value}).decode()
    return (spec.task, spec.queue, spec.agent_id, label, key or spec.key)


def _finding(row: Any, detail: str) -> Finding:
    return Finding(
        key=row["key"],
        value=float(row["value"]),
        count=row["count"],
        detail=plain(detail[:500]) or "",
        execution_id=row["execution_id"],
    )


def _unserved(
    rows: list[Any], spec: AlertSpec, project: str, now: datetime, listening: Listening
) -> list[Finding]:
    found = [
        _finding(row, f"{row['count']} wait in {row['what']}, and no worker takes from it")
        for row in rows
        if listening(project, row["what"], now) == 0
    ]
    if spec.key != "rule" or not found:
        return found
    worst = max(found, key=lambda one: one.value)
    return [msgspec.structs.replace(worst, key="", count=sum(one.count for one in found))]


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
