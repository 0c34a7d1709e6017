"""Kills a task's worker everywhere, in Labs of its own."""

from typing import Any

from onward.tasks.registry import Registry, Task
from onward.testing.crash import Play
from onward.testing.crash_report import CrashReport
from onward.testing.lab import Lab


async def crash_everywhere(
    task: Task[..., Any] | str, input: Any = None, *, registry: Registry, play: Play | None = None,
    same_output: bool = True, **options: Any,
) -> CrashReport:  # fmt: skip
    """Run a task once undisturbed, then again for each append of its worker, which is killed before it, and after it.

    `input` is the task's input object. `play(lab, run)` answers questions and sends events, in each of the runs. Tasks
    whose output is another one each time say `same_output=False`. `options` are the Lab's.
    """
    return await Lab(registry, **options).crash_everywhere(task, input, play=play, same_output=same_output)
