"""The options that say what follows an execution, and how what followed is told."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from onward.cli.exits import Told
from onward.cli.options import read_json
from onward.cli.show import Json

Command = TypeVar("Command", bound=Callable[..., Any])


def follow_ups(command: Command) -> Command:
    """Adds `--then`, `--on-failure` and `--on-any`."""
    for option in (
        click.option(
            "--on-any", metavar="TASK", help="Submit this when it has ended in whatever way, a cancel included."
        ),
        click.option("--on-failure", metavar="TASK", help="Submit this when it has failed."),
        click.option(
            "--then", multiple=True, metavar="TASK",
            help="Submit this when it has completed, with its output as input; several follow each other."
            """ Instead of a task's name JSON: '{"task": "b", "input": {"path": "{{output.path}}"}}'.""",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def asked(then: tuple[str, ...], on_failure: str | None, on_any: str | None) -> Json | None:
    """The `then` of a submission that these options ask for."""
    chain: Json | None = None
    for text in reversed(then):
        one = _one(text, "--then")
        if chain is not None:
            one["then"] = {**one.get("then", {}), "on_success": chain}
        chain = one
    found = {
        "on_success": chain,
        "on_failure": None if on_failure is None else _one(on_failure, "--on-failure"),
        "on_any": None if on_any is None else _one(on_any, "--on-any"),
    }
    return {on: one for on, one in found.items() if one is not None} or None


def told(branches: list[Json]) -> str | None:
    """What follows, or followed, in words."""
    lines = [
        f"{'any end' if one['on'] == 'any' else one['on']} → {one['task']}  {one['execution_id'] or one['status']}"
        for one in branches
    ]
    return "\n".join(lines) or None


def _one(text: str, option: str) -> Json:
    if not text.lstrip().startswith(("{", "@")):
        return {"task": text}
    found = read_json(text, option)
    if not isinstance(found, dict):
        raise Told(f"{option} is neither a task's name nor an object", code="invalid_json")
    return found
