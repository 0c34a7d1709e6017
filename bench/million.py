"""Lists and analytics over many executions: `python -m bench.million [--count 1000000] [--url postgresql://…]`.

Fills an empty Postgres of its own, as `onward up` starts one (or that of --url, which must be empty), counts, and asks
every question a number of times, as the gateway does. Prints a line for each: milliseconds, p50 and p95 and the most.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec

from bench import population as past
from onward.contract.fingerprint import fingerprint
from onward_execution_state.analytics.counting import MINUTES_KEPT, count
from onward_execution_state.database import Database
from onward_execution_state.listing import cursor_after
from onward_execution_state.migrate import migrate
from onward_execution_state.overview import Overview
from onward_execution_state.queries import Queries
from onward_execution_state.store import Source
from onward_execution_state.workers import Workers

LIST_MS, ANALYTICS_MS = 100.0, 300.0
_Asked = dict[str, Any]


def lists(rng: random.Random) -> dict[str, _Asked]:
    """Every filter of the list, each time with another value."""
    day = past.END - timedelta(days=rng.randrange(past.DAYS))
    error = past.ERRORS[rng.randrange(12)]
    return {
        "no filter": {},
        "status=pending": {"status": ["pending"]},
        "status=running": {"status": ["running"]},
        "status=completed": {"status": ["completed"]},
        "status=failed": {"status": ["failed"]},
        "status=cancelled": {"status": ["cancelled"]},
        "status=running,failed": {"status": ["running", "failed"]},
        "task": {"task": rng.choice(past.TASKS)},
        "task, none such": {"task": "none"},
        "queue": {"queue": rng.choice(past.QUEUES)},
        "queue, none such": {"queue": "none"},
        "environment": {"environment": rng.choice(["prod", "staging"])},
        "environment, none such": {"environment": "none"},
        "agent_id": {"agent_id": rng.choice(past.AGENTS)},
        "agent_id, none such": {"agent_id": "none"},
        "team": {"team": rng.choice(past.TEAMS)},
        "team, none such": {"team": "none"},
        "worker": {"worker": rng.choice(past.WORKERS)},
        "worker, none such": {"worker": "none"},
        "worker and running": {"worker": rng.choice(past.WORKERS), "status": ["running"]},
        "parent": {"parent": f"00000000-0000-0000-0000-{rng.randrange(1, past.PARENTS):012x}"},
        "retried_from": {"retried_from": f"00000000-0000-0000-0000-{rng.randrange(10_000, 15_000):012x}"},
        "label": {"label": [f"customer={rng.randrange(500)}"]},
        "label, frequent": {"label": ["tier=a"]},
        "label, none such": {"label": ["customer=none"]},
        "labels": {"label": [f"customer={rng.randrange(500)}", "tier=b"]},
        "since": {"since": day},
        "until": {"until": day},
        "since, until": {"since": day - timedelta(hours=1), "until": day},
        "ended, an hour": {"ended_since": day - timedelta(hours=1), "ended_until": day},
        "ended, a day": {"ended_since": day - timedelta(days=1), "ended_until": day},
        "ended, 30 days": {"ended_since": past.END - timedelta(days=past.DAYS), "ended_until": past.END},
        "ended as failed, an hour": {
            "ended_since": day - timedelta(hours=1),
            "ended_until": day,
            "ended_as": "failed",
        },
        "ended as failed, a week": {"ended_since": past.END - timedelta(days=7), "ended_as": "failed"},
        "ended, a day, task": {
            "ended_since": day - timedelta(days=1),
            "ended_until": day,
            "task": rng.choice(past.TASKS),
        },
        "ended, a day, queue and label": {
            "ended_since": day - timedelta(days=1),
            "ended_until": day,
            "queue": rng.choice(past.QUEUES),
            "label": [f"customer={rng.randrange(500)}"],
        },
        "ended, none then": {"ended_since": past.END + timedelta(days=1)},
        "error": {"error": fingerprint("ValueError", error)},
        "error, none such": {"error": "none"},
        "stalled": {"stalled": True},
        "q, of an id": {"q": "019"},
        "q, of a task": {"q": "sk-1"},
        "q, none such": {"q": "nowhere"},
        "task and status": {"task": rng.choice(past.TASKS), "status": ["failed"]},
        "queue and status": {"queue": rng.choice(past.QUEUES), "status": ["failed"]},
        "queue, environment, until": {"queue": "mail", "environment": "staging", "until": day},
        "agent, task, status": {"agent_id": "agent-3", "task": "task-17", "status": ["cancelled"]},
        "environment and label": {"environment": "prod", "label": [f"customer={rng.randrange(500)}"]},
        "task and q": {"task": rng.choice(past.TASKS), "q": "nowhere"},
    }


def analytics(rng: random.Random) -> dict[str, tuple[str, _Asked]]:
    """Every question about what has ended."""
    month = past.END - timedelta(days=past.DAYS)
    week = past.END - timedelta(days=7)
    task, queue = rng.choice(past.TASKS), rng.choice(past.QUEUES)
    return {
        "summary, a day": ("analytics_summary", {}),
        "summary, 30 days": ("analytics_summary", {"since": month}),
        "summary, 30 days, task": ("analytics_summary", {"since": month, "task": task}),
        "summary, 30 days, agent": ("analytics_summary", {"since": month, "agent_id": "agent-1"}),
        "summary, 30 days, queue and agent": (
            "analytics_summary", {"since": month, "queue": queue, "agent_id": "agent-1"},
        ),
        "trend, 6 h by the minute": (
            "analytics_trend", {"since": past.END - timedelta(hours=6), "bucket": "minute"},
        ),
        "trend, a week by the hour": ("analytics_trend", {"since": week}),
        "trend, a week by the hour, task": ("analytics_trend", {"since": week, "task": task}),
        "trend, a week by the hour, task, environment": (
            "analytics_trend", {"since": week, "task": task, "environment": "prod"},
        ),
        "trend, 30 days": ("analytics_trend", {"since": month, "bucket": "day"}),
        "trend, 30 days of Berlin": (
            "analytics_trend", {"since": month, "bucket": "day", "zone": "Europe/Berlin"},
        ),
        "trend, 30 days of Berlin, queue, team": (
            "analytics_trend",
            {"since": month, "bucket": "day", "zone": "Europe/Berlin", "queue": queue, "team": "ops"},
        ),
        **{
            f"breakdown, 30 days by {by}": ("analytics_breakdown", {"since": month, "by": by})
            for by in ("task", "queue", "environment", "agent_id", "team", "version")
        },
        "breakdown, a day by task": ("analytics_breakdown", {"by": "task"}),
        "slow steps, 30 days": ("analytics_steps", {"since": month}),
        "error groups, a week": ("error_groups", {}),
        "error groups, 30 days": ("error_groups", {"since": month}),
        "error group, 30 days": (
            "error_group", {"since": month, "fingerprint": fingerprint("ValueError", past.ERRORS[0])},
        ),
    }  # fmt: skip


async def prepare(url: str, size: int) -> None:
    """Fills and counts."""
    connection = await Database(url).writer(durable=False)
    try:
        await migrate(connection, past.END)
        begun = time.perf_counter()
        await past.fill(connection, size)
        filled = time.perf_counter()
        while await count(connection, 10_000, past.END - MINUTES_KEPT):
            pass
        await connection.execute("vacuum analyze")
        counted = time.perf_counter()
        print(f"{size:,} executions: filled in {filled - begun:.0f} s, counted in {counted - filled:.0f} s")
    finally:
        await connection.close()


async def measure(url: str, times: int) -> bool:
    """Asks everything; whether all of it is fast enough."""
    database = Database(url)

    async def source() -> Source:
        return Source("ONWARD_EVENTS", "bench")

    async def none(_project: str = "") -> Any:
        return {}

    overview = Overview(database, Workers(past.END), none, none, lambda: past.END)
    queries = Queries(database, source, overview, patience_seconds=0.0)
    rng = random.Random(3)
    good = True
    for name in lists(rng):
        took = [await _timed(queries, "list", {"limit": 50, **lists(rng)[name]}) for _ in range(times)]
        good &= _tell(f"list: {name}", took, LIST_MS)
    took = [await _deep(queries, rng) for _ in range(times)]
    good &= _tell("list: task, a page far behind", took, LIST_MS)
    for name in analytics(rng):
        took = [await _timed(queries, *analytics(rng)[name]) for _ in range(times)]
        good &= _tell(f"analytics: {name}", took, ANALYTICS_MS)
    await database.close()
    return good


async def _deep(queries: Queries, rng: random.Random) -> float:

    cursor = cursor_after(past.END - timedelta(days=rng.randrange(1, past.DAYS)), UUID(int=0))
    return await _timed(queries, "list", {"limit": 50, "task": rng.choice(past.TASKS), "cursor": cursor})


async def _timed(queries: Queries, question: str, asked: _Asked) -> float:
    data = msgspec.json.encode({"project": past.PROJECT, **asked})
    begun = time.perf_counter()
    answer = await queries.answer(f"onward.ask.state.{question}", data)
    took = (time.perf_counter() - begun) * 1000
    if answer.startswith(b'{"problem"'):
        raise RuntimeError(f"{question} {asked}: {answer.decode()}")
    return took


def _tell(name: str, took: list[float], limit: float) -> bool:
    p95 = statistics.quantiles(took, n=20)[-1]
    mark = "" if p95 <= limit else "  TOO SLOW"
    print(
        f"{name:<52}p50 {statistics.median(took):8.1f}  p95 {p95:8.1f}  most {max(took):8.1f}{mark}",
        flush=True,
    )
    return p95 <= limit


@contextlib.contextmanager
def _postgres(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    from tests.support.postgres import PostgresServer  # noqa: PLC0415 - only where no other is given

    with TemporaryDirectory(prefix="onward-bench-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder), fsync=True).start()
        try:
            yield server.new_database()
        finally:
            server.kill()


def main() -> int:
    """Prints the table; 1 where something is too slow."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=60, help="how often each is asked")
    parser.add_argument("--url", help="a Postgres of your own")
    parser.add_argument("--filled", action="store_true", help="it is filled already")
    given = parser.parse_args()
    with _postgres(given.url) as url:
        if not given.filled:
            asyncio.run(prepare(url, given.count))
        return 0 if asyncio.run(measure(url, given.times)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
