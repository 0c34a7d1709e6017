"""Executions and decisions for tests of the bus: only what a test cares about is spelled out."""

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from onward.bus.append import Events
from onward.bus.bus import Bus
from onward.bus.pages import PAGE, ask
from onward.bus.wire import header
from onward.contract import decide, ids, subjects
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.log import Decision, Log

ROUTE = "default.normal"


def new_id() -> str:
    """A fresh id."""
    return ids.new_id(int(time.time() * 1000), os.urandom(10))


def moment() -> Moment:
    """Now."""
    return Moment(now=datetime.now(UTC), new_id=new_id)


def creation(project: str, execution_id: str | None = None, **fields: Any) -> Decision:
    """The first decision about an execution."""
    plain: dict[str, Any] = {"queue": "default", "priority": 5, "run_at": None, "task": "t"}
    id_ = execution_id or new_id()
    event = decide.submit(execution_id=id_, project=project, moment=moment(), **{**plain, **fields})
    return Decision(project=project, execution_id=id_, expected=0, events=(event,))


def next_decision(first: Decision, expected: int, n: int, count: int = 1, **fields: Any) -> Decision:
    """Another decision about the same execution: `count` events from ordinal `n` on, none of them a wake."""
    made = tuple(
        ev.Progressed(
            id=new_id(),
            project=first.project,
            execution_id=first.execution_id,
            n=n + place,
            at=datetime.now(UTC),
            routes=fields.pop("routes", (ROUTE,)),
            **fields,
        )
        for place in range(count)
    )
    return Decision(project=first.project, execution_id=first.execution_id, expected=expected, events=made)


def started(first: Decision, expected: int, n: int = 2, attempt: int = 1) -> Decision:
    """A worker's claim."""
    event = ev.Started(
        id=new_id(), project=first.project, execution_id=first.execution_id, n=n, at=datetime.now(UTC),
        routes=(ROUTE,), attempt=attempt, worker_id="w", connection="c", work_sequence=1, ack_subject="a",
    )  # fmt: skip
    return Decision(
        project=first.project, execution_id=first.execution_id, expected=expected, events=(event,)
    )


async def running(bus: Bus, project: str) -> tuple[Decision, int]:
    """An execution that a worker has started; its first decision and the sequence of its second event."""
    first = creation(project)
    sequence = await bus.events.append(first)
    return first, await bus.events.append(started(first, sequence))


async def outcomes(events: Events, *decisions: Decision) -> list[int | BaseException]:
    """What becomes of decisions appended at the same time."""
    return await asyncio.gather(*(events.append(decision) for decision in decisions), return_exceptions=True)


async def log_of(bus: Bus, first: Decision) -> Log:
    """Its log as it is stored."""
    log = await bus.events.read(first.project, first.execution_id, route=ROUTE)
    assert log is not None, "nothing is stored"
    return log


async def stored_headers(bus: Bus, first: Decision) -> list[bytes]:
    """The header blocks of its stored events."""
    fence = subjects.fence(first.project, first.execution_id)
    asked = ask(bus.connection, subjects.EVENTS, fence, 0, PAGE)
    await asked.page()
    return [reply.headers for reply in asked.found]


async def batch_of(bus: Bus, first: Decision) -> str | None:
    """The atomic batch its first event came in."""
    return header((await stored_headers(bus, first))[0], b"Nats-Batch-Id")


async def until(what: Any, *, timeout: float = 40.0, every: float = 0.01) -> Any:
    """Wait until `what()` (or what it awaits) is true; that value."""
    deadline = time.monotonic() + timeout
    while True:
        value = what()
        value = await value if asyncio.iscoroutine(value) else value
        if value:
            return value
        assert time.monotonic() < deadline, f"not so within {timeout} s"
        await asyncio.sleep(every)


def json(value: Any) -> bytes:
    """As JSON."""
    return msgspec.json.encode(value)
