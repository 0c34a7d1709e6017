"""What the type checker of an author sees: signatures survive the decorators, down to children."""

import subprocess
import sys

from tooling.steps import ROOT

CODE = """
import asyncio
from onward import ChildFailed, Registry
registry = Registry()

@registry.task
async def double(number: int) -> int:
    return 2 * number

@registry.task
async def two(a: str, b: int = 1) -> str:
    return a

async def good() -> None:
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

async def bad() -> None:
    await double.run("x")  # wrong
    await double.run()  # wrong
    x: str = await double.run(1)  # wrong
    z: list[str] = await double.map([1])  # wrong
    await two.with_options(priority="high").run("x")  # wrong
    await two.start("x", c=3)  # wrong
    h: str = (await double.start(1)).id + 1  # wrong
    double.run(1)  # wrong
"""


def test_the_type_checker_knows_the_parameters_and_the_result_of_a_child(tmp_path):
    page = tmp_path / "family_of_orders.py"
    page.write_text(CODE)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--hide-error-context",
        str(page),
    ]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120).stdout

    found = {int(line.split(":")[1]) for line in said.splitlines() if ": error:" in line}
    wrong = {number for number, line in enumerate(CODE.splitlines(), 1) if line.endswith("# wrong")}
    assert found == wrong, said
