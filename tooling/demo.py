"""Starts the whole platform, runs the examples on it, and shows how they ended and where to look."""

import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tooling.steps import ROOT, VENV, StepFailed, clean_environment, step

ONWARD = str(VENV / "bin" / "onward")
PATIENCE = 180.0  # seconds for one command of the demo, on a slow machine that is busy


@dataclass(frozen=True)
class Example:
    """A task to run, its input, and one line about what it shows."""

    task: str
    input: dict[str, Any]
    shows: str


EXAMPLES = (
    Example("stdlib_report", {}, "one step per package of the standard library, a checkpoint each"),
    Example("flaky", {}, "fails twice, then succeeds: retries with backoff"),
    Example(
        "shell",
        {"command": shlex.join([str(VENV / "bin" / "python"), "-m", "compileall", "-q", str(ROOT / "libs")])},
        "a real command, its output as log lines",
    ),
)


def show(*, once: bool) -> int:
    """Returns 0 only if every example ended as meant; stays up afterwards unless `once`."""
    started = time.monotonic()
    data = (
        Path(tempfile.gettempdir()) / f"onward-demo-{secrets.token_hex(4)}"
        if once
        else ROOT / ".onward" / "demo"
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that `finally` stops everything
    try:
        with step(f"start everything, data in {data}"):
            platform = _up(data)
        ended_well = _run_examples(platform)
        print(f"demo: {'all ended as meant' if ended_well else 'NOT all ended as meant'}", end=" ")
        print(f"after {time.monotonic() - started:.1f} s")
        if not once:
            _stay(platform)
    except StepFailed:
        ended_well = False
    finally:
        stopped = _down(data)
        if once:
            shutil.rmtree(data, ignore_errors=True)
    return 0 if ended_well and stopped else 1


def _up(data: Path) -> dict[str, Any]:
    """Starts the platform in the background, and returns what `onward up` says about it."""
    modules = ["--tasks", "examples.stdlib_report", "--tasks", "examples.flaky"]
    code, out, err = _onward(["up", "--data-dir", str(data), *modules, "--detach", "-o", "json"])
    last = out.strip().rsplit("\n", 1)[-1]
    with suppress(ValueError):
        if code == 0 and "url" in (said := json.loads(last)):
            return dict(said)
    raise StepFailed(f"onward up ended with exit code {code}\n{err}{out}")


def _run_examples(platform: dict[str, Any]) -> bool:
    """Runs all examples at the same time, and prints each outcome as soon as it is known."""
    ended_well: dict[str, bool] = {}
    lock = threading.Lock()

    def run(example: Example) -> None:
        started = time.monotonic()
        command = ["run", example.task, "-i", json.dumps(example.input), "--wait", "-o", "json"]
        code, out, err = _onward(command, platform)
        with lock:
            ended_well[example.task] = code == 0
            _print_outcome(example, execution := _json(out), time.monotonic() - started)
            if code != 0:
                print(f"            exit code {code}: {execution.get('error') or out}\n{err}", flush=True)

    threads = [threading.Thread(target=run, args=(example,)) for example in EXAMPLES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return all(ended_well.get(example.task) for example in EXAMPLES)


def _print_outcome(example: Example, execution: dict[str, Any], seconds: float) -> None:
    status = execution.get("status", "unknown")
    attempt = execution.get("attempt", "?")
    print(f"  {status:<9} {example.task:<14} {seconds:5.1f} s  attempt {attempt}  {execution.get('id', '')}")
    print(f"            {example.shows}")
    if (output := execution.get("output")) is not None:
        told = json.dumps(output, ensure_ascii=False)
        print(f"            → {told if len(told) <= 160 else told[:157] + '…'}", flush=True)


def _stay(platform: dict[str, Any]) -> None:
    """Tells where to look, and leaves everything running until Ctrl-C."""
    print(f"""
Where to look, in another terminal:
  export ONWARD_URL={platform["url"]} ONWARD_API_KEY={platform.get("api_key", "")}
  {ONWARD} execution list
  {ONWARD} execution logs ID
Data and logs of the services: {platform.get("data_dir", "")}
Ctrl-C stops everything.""")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()
    print()


def _down(data: Path) -> bool:
    try:
        with step("stop everything"):
            code, out, err = _onward(["down", "--data-dir", str(data)])
            if code != 0:
                raise StepFailed(f"onward down ended with exit code {code}\n{err}{out}")
    except StepFailed:
        return False
    return True


def _onward(arguments: list[str], platform: dict[str, Any] | None = None) -> tuple[int, str, str]:
    """Runs one command line as a person would, and returns its exit code and what it printed."""
    environment = clean_environment()
    if platform:
        environment |= {"ONWARD_URL": str(platform["url"]), "ONWARD_API_KEY": str(platform["api_key"])}
    # Files and not pipes: what stays up in the background may hold on to its output.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            code = subprocess.run(
                [ONWARD, *arguments],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=PATIENCE,
                check=False,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            return 127, "", f"{error}{os.linesep}"
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


def _json(text: str) -> dict[str, Any]:
    with suppress(ValueError):
        return dict(json.loads(text))
    with suppress(ValueError):
        return dict(json.loads(text.strip().rsplit("\n", 1)[-1]))
    return {}
