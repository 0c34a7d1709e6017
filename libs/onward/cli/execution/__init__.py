"""`onward execution …`: list, look into, follow and control executions."""

import click

from onward.cli.exits import EXPLAINED
from onward.cli.lazy import LazyGroup

COMMANDS = {
    "list": ("onward.cli.execution.listing:listing", "List executions, newest first."),
    "get": ("onward.cli.execution.details:get", "Show one execution."),
    "explain": (
        "onward.cli.execution.explaining:explain",
        "Tell why an execution waits, runs or ended, and what to do.",
    ),
    "agent": (
        "onward.cli.execution.performer:agent",
        "Show the agent of an execution as it was at the submission, and what has changed since.",
    ),
    "logs": ("onward.cli.execution.live:logs", "Print the log of an execution."),
    "watch": ("onward.cli.execution.live:watch", "Print each change of an execution until it ends."),
    "cancel": ("onward.cli.execution.control:cancel", "Stop executions."),
    "pause": ("onward.cli.execution.pausing:pause", "Pause executions; the steps that run end first."),
    "resume": ("onward.cli.execution.pausing:resume", "Let paused executions go on."),
    "extend": ("onward.cli.execution.extending:extend", "Change the limits of an execution while it lives."),
    "move": ("onward.cli.execution.moving:move", "Move executions into another queue."),
    "prioritize": ("onward.cli.execution.moving:prioritize", "Give executions another priority."),
    "delay": ("onward.cli.execution.moving:delay", "Let executions start later, or now."),
    "label": ("onward.cli.execution.moving:relabel", "Change the labels of executions."),
    "retry": ("onward.cli.execution.repair:retry", "Give a failed or cancelled execution another life."),
    "rerun": ("onward.cli.execution.repair:rerun", "Submit a new execution like this one."),
    "answer": ("onward.cli.execution.control:answer", "Answer a question that an execution asks."),
    "send": ("onward.cli.execution.send:send", "Send an event to an execution."),
    "events": ("onward.cli.execution.details:events", "List what happened to an execution."),
    "steps": ("onward.cli.execution.details:steps", "List the steps of an execution."),
    "attempts": ("onward.cli.execution.details:attempts", "List the tries of an execution by workers."),
    "children": ("onward.cli.execution.listing:children", "List the children of an execution."),
    "checkpoints": ("onward.cli.execution.details:checkpoints", "List the saved results of an execution."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, epilog=EXPLAINED)
def execution() -> None:
    """List, look into, follow and control executions.

    An ID may be cut short, as long as only one execution begins with it.
    """
