"""Finds something that can install packages into .venv, however little this machine's Python came with."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tooling.steps import PYTHON, StepFailed, quietly, succeeds

Command = list[str]

NO_INSTALLER = """\
No way to install packages was found: neither uv nor pip, no pip wheel, and no Debian package source.
Cause: this Python came without pip and ensurepip, and no other Python on PATH has them.
Fix: put uv, or any Python with pip, on PATH, and run the same command again."""


def base_python() -> str:
    """Returns the interpreter that runs this, or the one below it when that is a virtual environment's."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def find_uv() -> Command | None:
    """Returns the command for uv, when it is on PATH or importable somewhere near."""
    candidates = [["uv"], [str(PYTHON), "-m", "uv"], [sys.executable, "-m", "uv"]]
    return next((uv for uv in candidates if succeeds([*uv, "--version"])), None)


def find_pip() -> Command:
    """Returns a pip command that installs into .venv: the nearest that works, fetched if need be."""
    ways: tuple[Callable[[], Command | None], ...] = (
        _own_pip,
        _pip_of_a_neighbour,
        _pip_from_ensurepip,
        _pip_from_a_wheel_on_disk,
        _pip_from_a_debian_package,
    )
    for way in ways:
        if pip := way():
            return pip
    raise StepFailed(NO_INSTALLER)


def neighbours() -> Iterator[str]:
    """Yields the Python interpreters of this machine that may have what .venv lacks."""
    names = ["python3", "python", *(f"python3.{minor}" for minor in range(20, 7, -1))]
    found = [base_python(), sys.executable, *(shutil.which(name) for name in names)]
    found += ["/usr/bin/python3", "/usr/local/bin/python3", "/opt/homebrew/bin/python3"]
    yield from dict.fromkeys(path for path in found if path and Path(path).exists())


def _own_pip() -> Command | None:
    pip = [str(PYTHON), "-m", "pip"]
    return pip if succeeds([*pip, "--version"]) else None


def _pip_from_ensurepip() -> Command | None:
    return _own_pip() if succeeds([PYTHON, "-m", "ensurepip", "--default-pip"]) else None


def _pip_of_a_neighbour() -> Command | None:
    scripts = [[path] for name in ("pip3", "pip") if (path := shutil.which(name))]
    for pip in [*([python, "-m", "pip"] for python in neighbours()), *scripts]:
        aimed = [*pip, "--python", str(PYTHON)]
        if succeeds([*aimed, "--version"]):
            return aimed
    return None


def _pip_from_a_wheel_on_disk() -> Command | None:
    question = "import ensurepip; print(ensurepip.__path__[0])"
    folders = [Path("/usr/share/python-wheels")]
    for python in neighbours():
        answer = quietly([python, "-c", question], timeout=20)
        if answer.returncode == 0:
            folders.append(Path(answer.stdout.strip()) / "_bundled")
    return _pip_from_wheel_in(folders)


def _pip_from_a_debian_package() -> Command | None:
    """Unpacks Debian's wheel of pip in a temporary folder, and installs nothing on the system."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    with tempfile.TemporaryDirectory() as folder:
        fetch = [
            "sh",
            "-c",
            'cd "$1" && apt-get download python3-pip-whl && dpkg-deb -x ./*.deb .',
            "sh",
            folder,
        ]
        refresh = ["apt-get", "update"]
        if not succeeds(fetch, timeout=300) and not (succeeds(refresh, timeout=300) and succeeds(fetch)):
            return None
        return _pip_from_wheel_in([Path(folder) / "usr/share/python-wheels"])


def _pip_from_wheel_in(folders: list[Path]) -> Command | None:
    """Installs pip into .venv by running it from inside its own wheel."""
    for wheel in (wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"), reverse=True)):
        if succeeds([PYTHON, wheel / "pip", "install", "--quiet", "--no-index", wheel]):
            return _own_pip()
    return None
