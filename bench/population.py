"""A made-up installation's past, straight into the tables: thirty days of executions, by a seed."""

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import msgspec

from onward.contract import events as ev
from onward.contract import ids
from onward.contract.execution import Execution, Status
from onward.contract.fingerprint import fingerprint
from onward.contract.retry import RetryPolicy
from onward_execution_state import rows, store
from onward_execution_state.ended import EndRow, Kind, end_of, number_of
from onward_execution_state.filing import Place, place_at, place_of

PROJECT = "default"
DAYS = 30
END = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TASKS = [f"task-{number:02}" for number in range(20)]
QUEUES = ("default", "gpu", "mail", "reports", "imports", "slow")
ENVIRONMENTS = ("prod", "staging", None)
AGENTS = [f"agent-{number}" for number in range(10)]
TEAMS = ("press", "ops", "data")
WORKERS = [str(uuid.UUID(int=number + 1)) for number in range(40)]
ERRORS = [f"cannot do part {chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(40)]
PARENTS = 500
STEPS_OF = 5
"""Each so many-th execution has saved a step."""
_CHUNK = 20_000
_PLACE = ("retention", "month")
_TABLES = {
    "executions": [
        "id",
        "project",
        "version",
        "sequence",
        "base_sequence",
        "status",
        "reason",
        "ready",
        "task",
        "task_id",
        "queue",
        "route",
        "environment",
        "priority",
        "labels",
        "source",
        "submitted_by",
        "parent_id",
        "root_id",
        "retried_from",
        "agent_id",
        "team_id",
        "attempt",
        "max_attempts",
        "worker_id",
        "error_type",
        "created_at",
        "updated_at",
        "started_at",
        "completed_at",
        "due_at",
        "outcome",
        "error_fingerprint",
        "retention",
        "month",
        "state",
    ],
    "ends": ["execution_id", "n", "at", "kind", "outcome", "wait_ms", "duration_ms", "fingerprint", *_PLACE],
    "events": ["execution_id", "n", "project", "sequence", "type", "at", "body", *_PLACE],
    "kinds": ["kind", "project", "task", "queue", "environment", "agent_id", "team_id", "version"],
}


class Past(msgspec.Struct):
    """The rows of some executions, by table."""

    executions: list[tuple[Any, ...]] = []
    ends: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    kinds: set[Kind] = set()
    places: set[Place] = set()


class Story(NamedTuple):
    """When they were, and whether the last of them have not ended yet."""

    end: datetime = END
    days: float = DAYS
    open_ones: int = 2_200


MONTH = Story()


async def fill(
    connection: "asyncpg.Connection[asyncpg.Record]", count: int, seed: int = 1, story: Story = MONTH
) -> None:
    """So many executions, oldest first."""
    kinds: set[Kind] = set()
    known = {row["kind"] for row in await connection.fetch("select kind from kinds")}
    places: set[Place] = set()
    for past in _pasts(count, seed, story):
        for place in past.places - places:
            await store.make_place(connection, place)
        places |= past.places
        for table in ("executions", "ends", "events"):
            await connection.copy_records_to_table(
                table, records=getattr(past, table), columns=_TABLES[table]
            )
        fresh = [(number_of(kind), *kind) for kind in past.kinds - kinds if number_of(kind) not in known]
        await connection.copy_records_to_table("kinds", records=fresh, columns=_TABLES["kinds"])
        kinds |= past.kinds
    await connection.execute(
        "insert into facets (project, task, queue, environment, agent_id, team_id)"
        " select distinct project, task, queue, environment, agent_id, team_id from executions on conflict do nothing"
    )
    await connection.execute("analyze", timeout=600)


def _pasts(count: int, seed: int, story: Story) -> Iterator[Past]:
    rng, past = random.Random(seed), Past()
    for number in range(count):
        at = story.end - timedelta(days=story.days) * (1 - number / count)
        _add(past, _execution(rng, number, count, at, story.open_ones), number)
        if len(past.executions) == _CHUNK or number == count - 1:
            yield past
            past = Past()


def _add(past: Past, state: Execution, number: int) -> None:
    past.executions.append(rows.row_of(state, sequence=3 * number + 3, base=3 * number + 1))
    if not state.ended or state.completed_at is None:
        return
    past.places.add(place_of(state))
    event = _end(state)
    end = end_of(state, event)
    assert isinstance(end, EndRow)
    past.kinds.add(end.kind)
    past.ends.append(
        (
            end.execution_id,
            end.n,
            end.at,
            number_of(end.kind),
            end.outcome,
            end.wait_ms,
            end.duration_ms,
            end.fingerprint,
            *place_at(state, end.at),
        )
    )
    if isinstance(event, ev.Failed):
        past.events.append((*_stored(event, 3 * number + 3), *place_at(state, event.at)))
    if number % STEPS_OF == 0:
        saved = ev.CheckpointReached(
            **{**_envelope(state), "n": 2}, attempt=1, kind="step", name=f"step-{number % 7}",
            duration_ms=(number % 997) * 3.0,
        )  # fmt: skip
        past.events.append((*_stored(saved, 3 * number + 2), *place_at(state, saved.at)))


def _execution(rng: random.Random, number: int, count: int, at: datetime, open_ones: int) -> Execution:
    task = min(int(rng.expovariate(0.25)), len(TASKS) - 1)
    status, ended, started = _course(rng, count - number, at, open_ones)
    agent = rng.randrange(len(AGENTS)) if rng.random() < 0.5 else None
    execution_id = ids.new_id(int(at.timestamp() * 1000), rng.randbytes(10))
    parent = str(uuid.UUID(int=rng.randrange(PARENTS) + 1)) if rng.random() < 0.05 else None
    error = ERRORS[min(int(rng.expovariate(0.2)), len(ERRORS) - 1)]
    return Execution(
        id=execution_id, project=PROJECT, n=3, status=status, reason="queued" if status == "pending" else None,
        ready=status == "pending", task=TASKS[task], queue=QUEUES[task % len(QUEUES)],
        route=f"{QUEUES[task % len(QUEUES)]}.normal", routes=(f"{QUEUES[task % len(QUEUES)]}.normal",),
        created_at=at, updated_at=ended or started or at, environment=ENVIRONMENTS[task % len(ENVIRONMENTS)],
        labels={"customer": str(rng.randrange(500)), "tier": rng.choice("abc")} if rng.random() < 0.3 else {},
        retry=RetryPolicy(), parent_id=parent, root_id=parent or execution_id, life_from=at,
        retried_from=str(uuid.UUID(int=rng.randrange(5_000) + 10_000)) if rng.random() < 0.005 else None,
        agent_id=None if agent is None else AGENTS[agent], team_id=None if agent is None else TEAMS[agent % 3],
        worker_id=None if started is None else rng.choice(WORKERS), attempt=1, first_started_at=started,
        started_at=started, completed_at=ended, task_version=f"1.{number * 3 // count}",
        input=msgspec.Raw(b'{"order": %d, "note": "as always"}' % number), output=msgspec.Raw(b'{"ok": true}'),
        error=ev.Failure(type="ValueError", message=error, fingerprint=fingerprint("ValueError", error))
        if status == "failed" else None,
        retention=("short", "default", "default", "default", "long")[number % 5],
    )  # fmt: skip


def _course(
    rng: random.Random, left: int, at: datetime, open_ones: int
) -> tuple[Status, datetime | None, datetime | None]:
    if left <= open_ones - 200:
        return Status.PENDING, None, None
    started = at + timedelta(seconds=rng.expovariate(0.3))
    if left <= open_ones:
        return Status.RUNNING, None, started
    status = rng.choices((Status.COMPLETED, Status.FAILED, Status.CANCELLED), (89, 8, 3))[0]
    return status, started + timedelta(seconds=rng.lognormvariate(2, 1.5)), started


def _envelope(state: Execution) -> dict[str, Any]:
    at = state.completed_at or state.updated_at
    return {"id": state.id, "project": PROJECT, "execution_id": state.id, "n": 3, "at": at, "routes": ()}


def _end(state: Execution) -> ev.AnyEvent:
    envelope = _envelope(state)
    if state.status is Status.FAILED and state.error is not None:
        return ev.Failed(**envelope, reason="error", error=state.error)
    return ev.Completed(**envelope) if state.status is Status.COMPLETED else ev.Cancelled(**envelope)


def _stored(event: ev.AnyEvent, sequence: int) -> tuple[Any, ...]:
    return (event.execution_id, event.n, PROJECT, sequence, ev.event_type(event), event.at, ev.encode(event))
