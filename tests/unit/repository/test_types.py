"""What the type checker of an author sees: signatures survive the decorators, in steps, tasks and children.

One run of mypy for all: it takes seconds.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import page_code
from tooling.steps import ROOT

CODE = """
import asyncio
from dataclasses import dataclass

from onward import ChildFailed, Registry, Retry, ask, load_checkpoint, step, wait_event
from onward.testing import Lab

registry = Registry()

@dataclass
class Decision:
    approved: bool

@registry.task
async def double(number: int) -> int:
    return 2 * number

@registry.task(retry=Retry(attempts=1))
async def two(a: str, b: int = 1) -> str:
    return a

@registry.step
def weigh(sku: str) -> float:
    return 1.0

@registry.step
async def drop(booking: str) -> None: ...

@registry.step(retry=Retry(attempts=2), undo=drop)
async def book(sku: str, count: int = 1) -> str:
    return sku

async def good() -> None:
    n: int = await double(1)
    x: int = await double.run(1)
    h = await double.start(number=2)
    y: int = await h.result()
    z: list[int] = await double.map([1, 2])
    w: list[int | ChildFailed] = await double.map([1], tolerate=1)
    async for place, item, result in double.map([1], join="any"):
        r: int = result
        p: int = place
    a, b = await asyncio.gather(double.run(1), two.with_options(queue="q").run("x", b=2))
    c: int = a
    d: str = b
    kilos: float = await weigh("tea")
    booking: str = await book.keyed("tea", "tea", count=2)
    named: float = await step("weigh", weigh.fn, "tea")
    yes: str = await ask("Go on?", choices=["yes", "no"])
    decision: Decision = await ask("Pay?", Decision, default=Decision(approved=False))
    paid: int = await wait_event("paid", int)
    saved: int = load_checkpoint("saved", int, 0)
    perhaps: Decision | None = load_checkpoint("decision", Decision)
    async with Lab(registry) as lab:
        done: str = await lab.run(two, "x", b=2)

async def bad() -> None:
    await double("x")  # wrong
    await double.run("x")  # wrong
    await double.run()  # wrong
    x: str = await double.run(1)  # wrong
    z: list[str] = await double.map([1])  # wrong
    await two.with_options(priority="high").run("x")  # wrong
    await two.start("x", c=3)  # wrong
    h: str = (await double.start(1)).id + 1  # wrong
    double.run(1)  # wrong
    await weigh(7)  # wrong
    kilos: str = await weigh("tea")  # wrong
    weigh("tea")  # wrong
    await book("tea", many=2)  # wrong
    await book.keyed("tea")  # wrong
    await book.keyed("tea", "tea", "two")  # wrong
    booking: int = await book.keyed(None, "tea")  # wrong
    await step("inner", good, 1)  # wrong
    decision: str = await ask("Pay?", Decision)  # wrong
    paid: str = await wait_event("paid", int)  # wrong
    saved: int = load_checkpoint("saved", int)  # wrong
    async with Lab(registry) as lab:
        await lab.run(two, 1)  # wrong

@registry.step(undo=drop)  # wrong
async def count() -> int:
    return 1
"""


def pages(folder: Path) -> list[str]:
    """The code on the pages of docs/ but for its tests, as modules of different names; their paths."""
    written = []
    for number, page in enumerate(sorted((ROOT / "docs").rglob("*.md"))):
        made = {name: code for name, code in page_code.files(page.read_text()).items() if name[:5] != "test_"}
        stems = "|".join(name.removesuffix(".py") for name in made)
        for name, code in made.items():
            path = folder / f"page{number}_{name}"
            path.write_text(
                re.sub(rf"^(from|import) ({stems})\b", rf"\1 page{number}_\2", code, flags=re.MULTILINE)
            )
            written.append(str(path))
    return written


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every error that mypy --strict finds."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "family_of_orders.py").write_text(CODE)
    options = ["--strict", "--no-error-summary", "--hide-error-context"]
    files = ["examples", str(folder / "family_of_orders.py"), *pages(folder)]
    command = [sys.executable, "-m", "mypy", *options, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_a_wrong_argument_of_a_step_a_task_or_a_child_is_found_and_a_right_one_passes(
    said: list[str],
) -> None:
    ours = [line for line in said if "family_of_orders.py" in line]
    wrong = {number for number, line in enumerate(CODE.splitlines(), 1) if line.endswith("# wrong")}
    assert {int(line.split(":")[1]) for line in ours} == wrong, "\n".join(ours)


def test_the_code_on_the_pages_and_the_examples_is_typed(said: list[str]) -> None:
    assert [line for line in said if "family_of_orders.py" not in line] == []
