"""One line per step: what it does, and how long it took."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
SHOWN = 60  # lines of what one step says: more than anybody reads in one go


class StepFailed(Exception):
    """A step could not be done, and its message says why."""


def clean_environment() -> dict[str, str]:
    """Returns the environment for child processes, without what would redirect their imports or installs."""
    redirecting = {
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
        "VIRTUAL_ENV",
    }
    environment = {name: value for name, value in os.environ.items() if name not in redirecting}
    environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    environment["PIP_USER"] = "0"
    return environment


def quietly(
    command: Sequence[str | Path], *, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command in the project's root, and keeps what it printed, also when it cannot be started."""
    try:
        return subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(list(command), 127, stdout=str(error))


def succeeds(command: Sequence[str | Path], *, timeout: float = 60) -> bool:
    """Tells whether a command exits with 0 in time."""
    return quietly(command, timeout=timeout).returncode == 0


@contextmanager
def step(what: str) -> Iterator[list[str]]:
    """Prints `what` with the time its block took and the remarks it left, or `FAILED` with the reason."""
    remarks: list[str] = []
    started = time.monotonic()
    on_terminal = sys.stdout.isatty()
    if on_terminal:
        print(f"  …      {what}", end="", flush=True)
    back = "\r" if on_terminal else ""
    try:
        yield remarks
    except StepFailed as failure:
        print(f"{back}  FAILED {what}  ({_seconds(started)})", flush=True)
        print(_indented(str(failure)), flush=True)
        raise
    except BaseException:
        print(f"{back}  FAILED {what}  ({_seconds(started)})", flush=True)
        raise
    print(f"{back}  ok     {what}  ({_seconds(started)})", flush=True)
    for remark in remarks:
        print(_indented(remark), flush=True)


def _seconds(since: float) -> str:
    return f"{time.monotonic() - since:.1f} s"


def _indented(text: str) -> str:
    lines = text.strip().splitlines()
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"… and {len(lines) - SHOWN} more lines"]
    return "\n".join(f"         {line}" for line in lines)
