"""Makes .venv and fills it from the hashed lock, whatever this machine's Python lacks."""

import hashlib
import json
import os
import shutil
import tomllib
from pathlib import Path

from tooling.installers import Command, base_python, find_pip, find_uv
from tooling.steps import PYTHON, ROOT, VENV, StepFailed, quietly, step

LOCK = ROOT / "requirements.txt"
STAMP = VENV / "onward-installed"


def install() -> bool:
    """Brings .venv in line with the lock and the project; does nothing when it already is."""
    if STAMP.exists() and STAMP.read_text() == _stamp(_version_of(PYTHON)):
        return True
    try:
        _make_venv()
        _fill_venv()
    except StepFailed:
        return False
    STAMP.write_text(_stamp(_version_of(PYTHON)))
    return True


def make_venv_by_hand(folder: Path, python: str) -> None:
    """Writes the few files that make a folder a virtual environment of `python`."""
    question = (
        "import os, sys; print(*sys.version_info[:2], sep='.'); print(os.path.realpath(sys.executable))"
    )
    version, executable = quietly([python, "-c", question]).stdout.split("\n", 1)
    executable = executable.strip()
    (folder / "lib" / f"python{version}" / "site-packages").mkdir(parents=True, exist_ok=True)
    (folder / "bin").mkdir(exist_ok=True)
    for name in ("python", "python3", f"python{version}"):
        link = folder / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(executable)
    home = f"home = {os.path.dirname(executable)}\n"  # noqa: PTH120  # kept as it was told
    folder.joinpath("pyvenv.cfg").write_text(
        f"{home}include-system-site-packages = false\nversion = {version}\n"
    )


def _make_venv() -> None:
    if STAMP.exists() and not STAMP.read_text().startswith(f"{ROOT}\n"):
        shutil.rmtree(VENV)  # copied from another place: its scripts still point there
    if _version_of(PYTHON):
        return
    with step(f"make {VENV.name}"):
        shutil.rmtree(VENV, ignore_errors=True)
        python = base_python()
        uv = find_uv()
        ways: list[Command] = [[*uv, "venv", "--quiet", "--python", python, str(VENV)]] if uv else []
        ways.append([python, "-m", "venv", "--without-pip", str(VENV)])
        if not any(quietly(way).returncode == 0 and _version_of(PYTHON) for way in ways):
            shutil.rmtree(VENV, ignore_errors=True)
            make_venv_by_hand(VENV, python)
        if not _version_of(PYTHON):
            raise StepFailed(f"{python} does not start from inside {VENV}; set a Python that does on PATH")


def _fill_venv() -> None:
    said = "no uv was found"
    if uv := find_uv():
        with step("install the locked requirements with uv") as remarks:
            options = ["--quiet", "--compile-bytecode", "--python", str(PYTHON)]
            if said := _install_with([*uv, "pip", "install", *options]):
                remarks.append(f"uv could not, so pip is next; it said:\n{said}")
    if said:
        with step("install the locked requirements with pip"):
            if said := _install_with([*find_pip(), "install", "--quiet"]):
                raise StepFailed(said)


def _install_with(installer: Command) -> str:
    """Returns what went wrong, or nothing."""
    project = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    for wanted in (["--require-hashes", "--requirement", str(LOCK)], project):
        done = quietly([*installer, *wanted])
        if done.returncode != 0:
            return done.stdout
    return ""


def _version_of(python: Path) -> str:
    """Returns the version of an interpreter that is new enough and runs, or nothing."""
    question = (
        "import sys; sys.version_info >= (3, 11) and sys.prefix != sys.base_prefix and print(sys.version)"
    )
    answer = quietly([python, "-c", question], timeout=20)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _stamp(version: str) -> str:
    """Names everything that an installed .venv depends on, the folder first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = {name: project[name] for name in ("build-system", "project")}
    parts["hatch"] = project["tool"]["hatch"]
    wanted = LOCK.read_bytes() + json.dumps(parts, sort_keys=True).encode() + version.encode()
    return f"{ROOT}\n{hashlib.sha256(wanted).hexdigest()}\n"
