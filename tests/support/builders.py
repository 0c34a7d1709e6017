"""Builders: the smallest valid value, and only what a test cares about spelled out."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec

from onward.contract import decide, ids, subjects
from onward.contract import events as ev
from onward.contract.decide import Hint, Moment, Owner
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.limit import LimitPolicy
from onward.contract.log import Log, Stored

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
PROJECT = "default"
EXECUTION = "018f0000-0000-7000-8000-000000000001"
ROUTE = "default.normal"
ERROR = ev.Failure(type="ValueError", message="no")
FATAL = ev.Failure(type="ValueError", message="no", retryable=False)
OWNER = Owner(worker_id="w1", connection="c1")


def numbered_ids(prefix: int = 0) -> Callable[[], str]:
    """Ids that tell their order: the first ends in …1."""
    numbers = count(1)
    return lambda: ids.new_id(prefix, next(numbers).to_bytes(10))


def moment(
    seconds: float = 0.0, *, actor: str | None = None, new_id: Callable[[], str] | None = None
) -> Moment:
    """So many seconds after T0."""
    return Moment(now=T0 + timedelta(seconds=seconds), new_id=new_id or numbered_ids(), actor=actor)


def raw(value: Any) -> msgspec.Raw:
    """A JSON value as it stands in events."""
    return msgspec.Raw(msgspec.json.encode(value))


def event(kind: type[Any], /, n: int = 1, **fields: Any) -> Any:
    """An event of this kind: its envelope filled in, and its own fields as far as they have no default."""
    envelope = {
        "id": ids.new_id(0, n.to_bytes(10)), "project": PROJECT, "execution_id": EXECUTION, "n": n,
        "at": T0 + timedelta(seconds=n), "routes": (ROUTE,),
    }  # fmt: skip
    return kind(**{**envelope, **OWN_FIELDS.get(kind, {}), **fields})


OWN_FIELDS: dict[type[ev.Event], dict[str, Any]] = {
    ev.Submitted: {"task": "report", "queue": "default", "wake": ROUTE},
    ev.Started: {
        "attempt": 1, "worker_id": "w1", "connection": "c1", "work_sequence": 7, "ack_subject": "ack.1.7",
    },
    ev.CheckpointReached: {"attempt": 1, "kind": "step", "name": "one"},
    ev.StepStarted: {"attempt": 1, "name": "one"},
    ev.StepEdited: {"name": "one"},
    ev.Drifted: {"attempt": 1, "kind": "arguments", "steps": ("one",)},
    ev.StepFailed: {"attempt": 1, "name": "one", "tries": 1, "error": ERROR},
    ev.OutputGenerated: {"name": "part"},
    ev.Slept: {"wait": "sleep", "until": T0 + timedelta(hours=1)},
    ev.QuestionAsked: {"wait": "question", "text": "Go on?"},
    ev.QuestionReminded: {"wait": "question", "count": 1},
    ev.EventAwaited: {"wait": "event", "name": "paid"},
    ev.EventReceived: {"name": "paid"},
    ev.WaitExpired: {"wait": "question"},
    ev.ChildrenSpawned: {
        "group": "map", "first": 0, "task": "one", "queue": "default", "inputs": (msgspec.Raw(b"1"), msgspec.Raw(b"2")),
    },
    ev.ChildrenDone: {
        "ends": (ev.ChildEnd(group="map", born=3, index=0, outcome="completed"),), "wake": ROUTE,
    },
    ev.Suspended: {"reason": "sleeping", "due": T0 + timedelta(hours=1)},
    ev.Answered: {"wait": "question", "answer": msgspec.Raw(b'"yes"'), "wake": ROUTE},
    ev.AttemptFailed: {"attempt": 1, "error": ERROR, "due": T0 + timedelta(seconds=60)},
    ev.Admitted: {"wake": ROUTE},
    ev.Gated: {"limits": (LimitPolicy("queue:default", max=1),), "wake": "_limits.normal"},
    ev.Recovered: {"attempt": 1, "worker_id": "w1", "wake": ROUTE},
    ev.Released: {"attempt": 1, "worker_id": "w1", "wake": ROUTE},
    ev.Amended: {"timeouts": ev.TimeoutPolicy(attempt=9.0)},
    ev.Moved: {"queue": "gpu", "priority": 8, "routes": (ROUTE, "gpu.high")},
    ev.Queued: {"wake": ROUTE},
    ev.CancelRequested: {"wake": ROUTE},
    ev.Compensating: {"reason": "error", "error": ERROR},
    ev.Failed: {"reason": "error", "error": ERROR},
    ev.RetryRequested: {"wake": ROUTE},
    ev.Carried: {"state": msgspec.Raw(b"{}")},
}  # fmt: skip


def events(*kinds: type[Any] | tuple[type[Any], dict[str, Any]]) -> list[Any]:
    """A log of these kinds, numbered 1, 2, 3 …; a pair gives fields as well."""
    made: list[Any] = []
    for n, kind in enumerate(kinds, 1):
        cls, fields = kind if isinstance(kind, tuple) else (kind, {})
        made.append(event(cls, n, **fields))
    return made


def execution(*kinds: type[Any] | tuple[type[Any], dict[str, Any]]) -> Execution:
    """What a submitted execution is after these kinds of events."""
    return fold(events(ev.Submitted, *kinds))


def stored(made: list[Any], first: int = 1) -> tuple[Stored, ...]:
    """Events under neighbouring sequences."""
    return tuple(Stored(first + i, one) for i, one in enumerate(made))


def log(*kinds: type[Any] | tuple[type[Any], dict[str, Any]]) -> Log:
    """The log of a submitted execution after these kinds of events."""
    return Log.of(stored(events(ev.Submitted, *kinds)))


def hint(sequence: int = 7, **fields: Any) -> Hint:
    """A hint at EXECUTION under this WORK sequence."""
    base: dict[str, Any] = {
        "project": PROJECT, "execution_id": EXECUTION, "route": ROUTE, "work_sequence": sequence,
        "ack_subject": f"ack.1.{sequence}", "n": fields.get("fired") or 1,
    }  # fmt: skip
    return Hint(**{**base, **fields})


def submitted(execution_id: str = EXECUTION, *, at: Moment | None = None, **fields: Any) -> ev.Submitted:
    """What the gateway decides for a plain submission."""
    plain: dict[str, Any] = {"queue": "default", "priority": 5, "run_at": None, "task": "report"}
    return decide.submit(
        execution_id=execution_id, project=PROJECT, moment=at or moment(), **{**plain, **fields}
    )


def route(queue: str = "default", priority: int = 5) -> str:
    """Where an execution of this queue and priority waits."""
    return subjects.route(queue, priority)
