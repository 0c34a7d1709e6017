"""Sums as people read them: rates, averages, percentiles. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from onward.contract.analytics import Figures, Period, StepFigures, Times
from onward_execution_state.analytics.sketch import quantiles, total
from onward_execution_state.analytics.spans import Span


class Parts(msgspec.Struct):
    """What was read for one span: by outcome, sums and the sketches of their parts, one after the other."""

    sums: list[Any] = []


def period(span: Span, parts: Parts | None) -> Period:
    """The figures of a span."""
    return Period(since=span.since, until=span.until, figures=figures(span, parts))


def figures(span: Span, parts: Parts | None) -> Figures:
    """What they come to; nothing is read for a span in which nothing ended."""
    found = parts or Parts()
    by_outcome = {row["outcome"]: row for row in found.sums}
    completed, failed, cancelled = (
        int(by_outcome[name]["count"]) if name in by_outcome else 0
        for name in ("completed", "failed", "cancelled")
    )
    ended, tried = completed + failed + cancelled, completed + failed
    hours = (span.until - span.since).total_seconds() / 3600
    own = [row for outcome, row in by_outcome.items() if outcome != "cancelled"]
    return Figures(
        ended=ended, completed=completed, failed=failed, cancelled=cancelled, per_hour=round(ended / hours, 3),
        success_rate=round(completed / tried, 6) if tried else None,
        # What was cancelled ran as long as somebody let it.
        duration=_times(own, "duration"), queue_wait=_times(found.sums, "wait"),
    )  # fmt: skip


def step_figures(row: Any, slots: Mapping[int, int]) -> StepFigures:
    """How long one step took."""
    least, most = row["min"], row["max"]
    p50, p95, p99 = _percentiles(slots, least, most)
    return StepFigures(
        task=row["task"], step=row["step"], count=row["count"], total_ms=round(row["sum"], 3),
        avg_ms=round(row["sum"] / row["count"], 3), min_ms=least, max_ms=most, p50_ms=p50, p95_ms=p95, p99_ms=p99,
    )  # fmt: skip


def _times(rows: Sequence[Any], name: str) -> Times:
    count = sum(int(row[f"{name}s"]) for row in rows)
    if not count:
        nothing = dict.fromkeys(("avg_ms", "min_ms", "max_ms", "p50_ms", "p95_ms", "p99_ms"))
        return Times(count=0, **nothing)
    least = min(row[f"{name}_min"] for row in rows if row[f"{name}_min"] is not None)
    most = max(row[f"{name}_max"] for row in rows if row[f"{name}_max"] is not None)
    together = (b"".join(row[f"{name}_{part}"] for row in rows) for part in ("slots", "counts"))
    p50, p95, p99 = _percentiles(total(*together), least, most)
    return Times(
        count=count, avg_ms=round(sum(row[f"{name}_sum"] for row in rows) / count, 3),
        min_ms=round(least, 3), max_ms=round(most, 3), p50_ms=p50, p95_ms=p95, p99_ms=p99,
    )  # fmt: skip


def _percentiles(slots: Mapping[int, int], least: float, most: float) -> list[float | None]:
    """The 50th, the 95th and the 99th; never outside of what was measured."""
    found = quantiles(slots.items(), (0.5, 0.95, 0.99))
    return [None if value is None else round(min(max(value, least), most), 3) for value in found]
