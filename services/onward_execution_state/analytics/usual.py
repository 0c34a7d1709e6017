"""What is usual for a task: how long 99 of 100 of its completed executions took at most, of late."""

from datetime import datetime, timedelta

from onward_execution_state.analytics.sketch import ACCURACY, quantile, total
from onward_execution_state.database import Connection
from onward_execution_state.statements import load

LOOK_BACK = timedelta(days=7)
ENOUGH = 100
"""Fewer completed executions tell nothing about the slowest of a hundred."""
LEAST_MS = 10_000.0
"""What is done in seconds is not worth a warning."""

_SQL = load("analytics.sql")


async def usual(postgres: Connection, now: datetime) -> dict[tuple[str, str], float]:
    """Milliseconds by (project, task), where enough is known."""
    found = await postgres.fetch(_SQL["usual"], now - LOOK_BACK, ENOUGH)
    limits = {}
    for row in found:
        slowest = quantile(total(row["slots"], row["counts"]).items(), 0.99) or 0.0
        limits[row["project"], row["task"]] = max(LEAST_MS, slowest * (1 + ACCURACY))
    return limits
