"""The code on a page of the docs: found by the mark of its block, written to files, run as a reader would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}) *python\b *(?P<mark>[^`\n]*)$")
NAMED = re.compile(r"^# (?P<name>\w+\.py)$")
MARKS = {"run", "fragment"}
PAGE = "page.py"
PYTEST = [
    "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function",
    "-o", "asyncio_mode=auto",
]  # fmt: skip


class Block:
    """One fenced block of Python: where its code begins on the page, and what it is marked as."""

    def __init__(self, mark: str, first_line: int, lines: list[str]) -> None:
        self.mark, self.first_line, self.lines = mark, first_line, lines

    @property
    def file(self) -> str:
        """The file that its first line names, as `# orders.py`; else that of the page."""
        named = NAMED.match(self.lines[0]) if self.lines else None
        return named["name"] if named else PAGE


def blocks(text: str) -> list[Block]:
    """Every block of Python on a page."""
    found: list[Block] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        opened = FENCE.match(line)
        if opened is None:
            continue
        code = []
        for _, inside in lines:
            if inside.strip() == opened["fence"]:
                break
            code.append(inside.removeprefix(opened["indent"]))
        found.append(Block(opened["mark"].strip(), number + 1, code))
    return found


def files(text: str) -> dict[str, str]:
    """The files that the runnable blocks make; each line has the number that it has on the page."""
    made: dict[str, list[str]] = {}
    for block in blocks(text):
        if block.mark == "run":
            lines = made.setdefault(block.file, [])
            lines += [""] * (block.first_line - 1 - len(lines)) + block.lines
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


def run(text: str, folder: Path) -> str:
    """Runs a page in `folder`: test files by pytest, every other file by itself; what went wrong, or nothing."""
    made = files(text)
    for name, code in made.items():
        (folder / name).write_text(code)
    tests = sorted(name for name in made if name.startswith("test_"))
    commands = [[name] for name in sorted(set(made) - set(tests))]
    commands += [[*PYTEST, *tests]] if tests else []
    return "".join(_failure(command, folder) for command in commands)


def _failure(command: list[str], folder: Path) -> str:
    python = [sys.executable, "-W", "error"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        python + command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=100, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else f"python {' '.join(command)}:\n{done.stdout}\n"
