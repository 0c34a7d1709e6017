"""Onward: durable executions. `from onward import Registry, step, sleep, ask` is all a task's author needs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onward.contract.events import Timeouts
    from onward.contract.limit import Debounce, Limit
    from onward.contract.retry import Retry
    from onward.tasks.agent import Agent, agent
    from onward.tasks.asking import ask, send_event, wait_event
    from onward.tasks.context import (
        checkpoint,
        emit,
        execution,
        extend,
        idempotency_key,
        load_checkpoint,
        log,
        now,
        once,
        output,
        progress,
        random,
        sleep,
        step,
        sync,
        uuid,
    )
    from onward.tasks.family import Ended, Handle
    from onward.tasks.outcome import ChildFailed, Fatal, InDoubt, NotDone, ProcessDied, RetryAfter
    from onward.tasks.registry import Registry, Task
    from onward.tasks.steps import Step
    from onward.tasks.variables import variable

__version__ = "0.1.0"
__all__ = [
    "Agent",
    "ChildFailed",
    "Debounce",
    "Ended",
    "Fatal",
    "Handle",
    "InDoubt",
    "Limit",
    "NotDone",
    "ProcessDied",
    "Registry",
    "Retry",
    "RetryAfter",
    "Step",
    "Task",
    "Timeouts",
    "__version__",
    "agent",
    "ask",
    "checkpoint",
    "emit",
    "execution",
    "extend",
    "idempotency_key",
    "load_checkpoint",
    "log",
    "now",
    "once",
    "output",
    "progress",
    "random",
    "send_event",
    "sleep",
    "step",
    "sync",
    "uuid",
    "variable",
    "wait_event",
]

_HOMES = {
    **dict.fromkeys(("Debounce", "Limit"), "onward.contract.limit"),
    "Retry": "onward.contract.retry",
    "Timeouts": "onward.contract.events",
    **dict.fromkeys(
        ("ChildFailed", "Fatal", "InDoubt", "NotDone", "ProcessDied", "RetryAfter"), "onward.tasks.outcome"
    ),
    **dict.fromkeys(("Ended", "Handle"), "onward.tasks.family"),
    **dict.fromkeys(("Registry", "Task"), "onward.tasks.registry"),
    "Step": "onward.tasks.steps",
    "variable": "onward.tasks.variables",
    **dict.fromkeys(("Agent", "agent"), "onward.tasks.agent"),
    **dict.fromkeys(("ask", "send_event", "wait_event"), "onward.tasks.asking"),
}


def __getattr__(name: str) -> object:
    # Loaded on first use, so that the command line starts without the task machinery.
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module 'onward' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(_HOMES.get(name, "onward.tasks.context")), name)
