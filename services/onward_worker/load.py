"""Finds the registries of the modules a worker was told to offer."""

import importlib
import sys
from pathlib import Path

from onward.contract.errors import Misconfigured
from onward.tasks.own_process import OwnProcess
from onward.tasks.registry import Registry
from onward_worker.shipped import registry as shipped


def load_registry(modules: tuple[str, ...]) -> Registry:
    """All tasks of `modules` and the shipped ones, in one registry. Raises Misconfigured naming what is wrong."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` would: the author's own code lies here
    merged = Registry("worker")
    merged.merge(shipped)
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise Misconfigured(
                f"cannot import {name}: {error}",
                fix="name a module as in `import mypkg.tasks`, from its folder",
            ) from error
        found = [value for value in vars(module).values() if isinstance(value, Registry)]
        if not found:
            raise Misconfigured(f"{name} holds no Registry", fix="registry = Registry(); @registry.task …")
        for registry in found:
            try:
                merged.merge(registry)
            except ValueError as error:
                raise Misconfigured(f"{name}: {error}", fix="give one of them another name=") from error
            _check_processes(registry)
    return merged


def _check_processes(registry: Registry) -> None:
    for task in registry:
        if isinstance(task.call, OwnProcess):
            try:
                task.call.check()
            except ImportError as error:
                raise Misconfigured(
                    f"task {task.name}, process=True: {error}",
                    fix="leave it under its own name in its module",
                ) from error
