"""What the executions of a fake gateway live among: its tasks, its queue and its workers, and what they explain."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.explain import Facts, QueueFact, WorkerFact, explain
from onward.contract.lifecycle import fold
from onward_gateway.resources.queues import QueueView

TASKS = ("report", "shell")


def worker(**fields: Any) -> dict[str, Any]:
    return {
        "worker_id": "w1", "status": "listening", "host": "here", "pid": 1, "version": "0.1.0",
        "queues": ["default"], "tasks": list(TASKS), "slots": 20, "busy": 0,
        "started_at": "2026-01-01T12:00:00Z", "last_seen": "2026-01-01T12:00:00Z", "weights": {}, "executions": [],
        **fields,
    }  # fmt: skip


def task(name: str) -> dict[str, Any]:
    body = {"type": "object", "properties": {"path": {"type": "string"}, "depth": {"type": "integer", "default": 3}},
              "required": ["path"]}  # fmt: skip
    schema = {"$ref": f"#/$defs/{name}", "$defs": {name: body}}
    return {"name": name, "description": f"The task {name}", "queue": "default", "priority": 5, "version": None,
            "max_attempts": 3, "input_schema": schema, "output_schema": None, "workers": 1}  # fmt: skip


def queue(workers: int, waiting: int | None) -> dict[str, Any]:
    return msgspec.to_builtins(
        QueueView(
            name="default",
            workers=workers,
            slots=0,
            classes={},
            waiting=waiting,
            running=waiting,
            oldest=None,
        )
    )


def explained(log: Sequence[ev.AnyEvent], workers: Sequence[dict[str, Any]]) -> Any:
    state, at = fold(log), datetime.now(UTC)
    known = tuple(
        WorkerFact(
            worker_id=w["worker_id"], status=w["status"], queues=tuple(w["queues"]), tasks=tuple(w["tasks"]),
            slots=w["slots"], busy=w["busy"], last_seen=at,
        )
        for w in workers
    )  # fmt: skip
    return explain(
        Facts(now=at, state=state, events=tuple(log), queue=QueueFact(name=state.queue), workers=known)
    )
