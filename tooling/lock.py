"""Writes requirements.txt: every package of every extra, pinned, with hashes and without addresses."""

import tempfile
from pathlib import Path

from tooling.environment import LOCK
from tooling.installers import Command, find_pip, find_uv
from tooling.rules import addresses
from tooling.steps import ROOT, StepFailed, quietly, step

HEADER = "# Made by `python3 dev.py lock` from pyproject.toml: all extras, Linux and macOS, Python ≥ 3.11.\n"


def make(*, upgrade: bool) -> int:
    """Locks again, keeping versions that still fit unless told to upgrade."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            uv = find_uv() or _fetch_uv(Path(folder))
            with step(f"lock {LOCK.name}" + (" to the newest versions" if upgrade else "")):
                _compile(uv, upgrade=upgrade)
    except StepFailed:
        return 1
    return 0


def _fetch_uv(folder: Path) -> Command:
    with step("fetch uv for this once"):
        done = quietly([*find_pip(), "install", "--quiet", "--target", folder, "uv"])
        if done.returncode != 0:
            raise StepFailed(done.stdout)
    return [str(folder / "bin" / "uv")]


def _compile(uv: Command, *, upgrade: bool) -> None:
    lines = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
    lines += ["--no-emit-index-url", "--no-emit-find-links", *(["--upgrade"] if upgrade else [])]
    output = ["--output-file", str(LOCK)]
    done = quietly([*uv, "pip", "compile", "pyproject.toml", "--all-extras", "--quiet", *lines, *output])
    if done.returncode != 0:
        raise StepFailed(done.stdout)
    LOCK.write_text(HEADER + LOCK.read_text().removeprefix(HEADER))
    if found := addresses(ROOT):
        raise StepFailed("\n".join(found))
