"""Every example, its worker killed before and after every append: no finished step runs again, no double outcome."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import examples
from onward.tasks.registry import Registry
from onward.testing import Lab, Run, crash_everywhere
from tests.support.model_endpoint import model, says, wants


async def say_yes(lab: Lab, run: Run[Any]) -> None:
    lab.answer(run, "yes")


async def approve(lab: Lab, run: Run[Any]) -> None:
    lab.answer(run, {"approve": True})


HOW: dict[str, dict[str, Any]] = {
    "flaky": {"same_output": False},
    "stdlib_report": {"input": {"most": 1}},
    "fulfil": {
        "input": {"id": "A1", "total_cents": 200_000, "lines": [{"sku": "tea"}, {"sku": "cake"}]},
        "play": approve,
    },
    "reserve": {"input": {"sku": "tea"}},
    "agent": {"input": {"goal": "How large is it?", "folder": "."}, "play": say_yes},
}
"""What a task needs that cannot run without an input, takes long without a small one, or counts its tries."""


@pytest.fixture(autouse=True)
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    turns = (
        wants("list_files", pattern="*.toml"),
        wants("run_command", command="echo six"),
        says("It is small"),
    )
    with model(*turns) as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        yield


def tasks_of_examples() -> list[tuple[Registry, str]]:
    modules = [importlib.import_module(f"examples.{m.name}") for m in pkgutil.iter_modules(examples.__path__)]
    registries = [
        value for module in modules for value in vars(module).values() if isinstance(value, Registry)
    ]
    return [(registry, task.name) for registry in registries for task in registry]


@pytest.mark.parametrize(
    "registry,name", [pytest.param(*found, id=found[1]) for found in tasks_of_examples()]
)
async def test_a_crash_anywhere_changes_nothing(registry: Registry, name: str) -> None:
    report = await crash_everywhere(name, registry=registry, **HOW.get(name, {}))
    print(report)
    assert report.ok, str(report)
    assert len(report.points) >= 4
