"""What a type checker knows of an answer, and what cannot be asked at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from onward.contract.errors import InvalidName
from onward.tasks import asking, context

ROOT = Path(__file__).resolve().parents[3]
TYPED = """
from typing import Any, assert_type
from msgspec import Struct
from onward import ask, wait_event

class Decision(Struct):
    approved: bool

async def work() -> None:
    assert_type(await ask("?", Decision), Decision)
    assert_type(await ask("?", Decision, to="Ada", wait=60, default=Decision(False), remind=5), Decision)
    assert_type(await ask("?", choices=["yes", "no"], default="no"), str)
    assert_type(await ask("?"), str)
    assert_type(await ask("?", list[int]), list[int])
    await ask("?", int | None, default=None)
    await ask("?", Any)
    assert_type(await wait_event("paid"), Any)
    assert_type(await wait_event("paid", Decision, timeout=60), Decision)
"""
WRONG = """
from onward import ask, wait_event

async def work() -> None:
    await ask("?", choices=["yes"], default=1)
    await ask("?", choices=[1, 2])
    await ask("?", int, choices=["yes"])
    await wait_event("paid", int, within=60)
"""


def mypy(code, tmp_path):
    file = tmp_path / "authors_code.py"
    file.write_text(code)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        str(ROOT / "pyproject.toml"),
        str(file),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_a_type_checker_knows_the_type_of_an_answer(tmp_path):
    assert "Success" in mypy(TYPED, tmp_path)


def test_a_type_checker_finds_what_cannot_be_asked(tmp_path):
    told = mypy(WRONG, tmp_path)
    lines = {int(line.split(":")[1]) for line in told.splitlines() if ": error:" in line}
    assert lines == {5, 6, 7, 8}, told


@pytest.fixture
def somewhere():
    """An execution whose session is never reached."""
    token = context.current.set(object())
    yield
    context.current.reset(token)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: asking.ask(""),
        lambda: asking.ask("x" * 8001),
        lambda: asking.ask("?", choices="yes"),
        lambda: asking.ask("?", choices=["yes"], default="no"),
        lambda: asking.ask("?", int, default="no"),
        lambda: asking.ask("?", int, choices=["yes"]),
        lambda: asking.ask("?", wait=0),
        lambda: asking.ask("?", wait=float("inf")),
        lambda: asking.ask("?", remind=0.5),
        lambda: asking.ask("?", to=""),
        lambda: asking.ask("?", to="team:Not A Name"),
        lambda: asking.wait_event("Not A Name"),
        lambda: asking.wait_event("paid", int, timeout=-1),
        lambda: asking.send_event("nobody", "paid"),
    ],
)
def test_what_cannot_be_asked_is_refused_where_it_is_written(somewhere, wrong):
    with pytest.raises((ValueError, TypeError, InvalidName)):
        wrong()


@pytest.mark.parametrize("call", [asking.ask, asking.wait_event])
def test_outside_an_execution_nobody_can_answer(call):
    with pytest.raises(RuntimeError, match="needs an execution"):
        call("paid")
