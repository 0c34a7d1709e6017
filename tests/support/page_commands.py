"""The command lines on the pages of the docs: run as a reader would run them, all pages on one platform."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support import page_code

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}) *(?P<kind>sh|text)\b *(?P<mark>[^`\n]*)$")
MARKS = {("sh", "run"), ("sh", "platform"), ("sh", "fragment"), ("text", "shows"), ("text", "")}
END_OF_BLOCK = "--- end of block ---"
PATIENT = """
set -e
onward() {  # a script is faster than a reader: what is refused, as an answer before its question, is tried again
  local code
  for _ in 1 2 3 4 5 6 7 8; do
    code=0; command onward "$@" || code=$?
    [ $code = 2 ] || return $code
  done
  return $code
}
"""


class Block(NamedTuple):
    """One block of command lines, or of what they show."""

    kind: str
    mark: str
    first_line: int
    text: str


def blocks(page: str) -> list[Block]:
    """Every block of commands on a page, and every one that says what they show."""
    found = []
    lines = iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        opened = FENCE.match(line)
        if opened is None:
            continue
        inside = []
        for _, each in lines:
            if each.strip() == opened["fence"]:
                break
            inside.append(each.removeprefix(opened["indent"]))
        found.append(Block(opened["kind"], opened["mark"].strip(), number + 1, "\n".join(inside)))
    return found


def runs(page: str) -> bool:
    """Whether there are commands to run on it."""
    return any(block.mark == "run" for block in blocks(page))


def modules(page: str) -> list[str]:
    """The modules whose tasks a page has `onward up` offer."""
    ups = [shlex.split(block.text) for block in blocks(page) if block.mark == "platform"]
    return [words[i + 1] for words in ups for i, word in enumerate(words) if word == "--tasks"]


def run(page: str, folder: Path, environment: dict[str, str]) -> str:
    """Runs the commands of a page in `folder`, beside its Python; what went wrong, or nothing."""
    for name, code in page_code.files(page).items():
        (folder / name).write_text(code)
    parts = [block for block in blocks(page) if block.mark in ("run", "shows")]
    commands = [block for block in parts if block.mark == "run"]
    script = PATIENT + "".join(f"{block.text}\necho '{END_OF_BLOCK}'\n" for block in commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
    )  # fmt: skip
    shown = done.stdout.split(f"{END_OF_BLOCK}\n")
    if done.returncode:
        at = commands[min(len(shown), len(commands)) - 1]
        return f"line {at.first_line}: exit code {done.returncode}\n{shown[-1]}"
    return "".join(_missing(parts, shown))


def _missing(parts: list[Block], shown: list[str]) -> list[str]:
    wrong, number = [], -1
    for block in parts:
        number += block.mark == "run"
        if block.mark == "shows" and not _is_shown(block.text, shown[number]):
            wrong.append(f"line {block.first_line}: this is not what comes out, which is\n{shown[number]}\n")
    return wrong


def _is_shown(wanted: str, shown: str) -> bool:
    """Whether these lines come out, in this order; `…` stands for anything within a line."""
    lines = iter(shown.splitlines())
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in wanted.splitlines()]
    return all(any(re.search(pattern, line) for line in lines) for pattern in patterns)
