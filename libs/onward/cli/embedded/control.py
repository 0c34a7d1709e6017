"""`onward up --detach`, `down` and `reset`, from any process: they find an installation by its data directory."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from onward.cli.embedded import lock
from onward.cli.embedded.data_dir import DataDir, find_data_dir, open_data_dir, remove
from onward.cli.embedded.errors import AlreadyRunning, NotRunning, StartFailed, StopFailed
from onward.cli.embedded.options import UpOptions, encode
from onward.cli.embedded.report import UpReport
from onward.cli.embedded.state import Running, read_state
from onward.cli.embedded.up import up
from onward.contract.errors import Misconfigured
from onward.process import log_file
from onward.process.run import run_until_stopped

GRACE_SECONDS = 120.0  # more than all children together may take

_SERVERS = ("nats", "postgres")
_LOOK_SECONDS = 0.05
_KILL_SECONDS = 10.0
_DEADLINE_SECONDS = 180.0


class Outcome(msgspec.Struct, frozen=True):
    """What a detached `up` tells the one who started it: where it runs, or why it does not."""

    running: Running | None = None
    code: str = ""
    error: str = ""
    fix: str = ""


def run_in_foreground(options: UpOptions, say: Callable[[UpReport], None]) -> int:
    """Runs an installation in this process until Ctrl-C or SIGTERM, and returns the exit code."""
    return run_until_stopped(lambda stop: up(options, stop, say), grace_seconds=GRACE_SECONDS)


def start(options: UpOptions) -> Running:
    """Starts an installation as a process of its own, and returns when it is ready."""
    options.check()
    directory = open_data_dir(options.data_dir)
    read, write = os.pipe()
    out = log_file.open_to_append(directory.log("up"))
    try:
        subprocess.run(
            [sys.executable, "-m", "onward.cli.embedded", str(write)],
            input=encode(msgspec.structs.replace(options, data_dir=directory.root)),
            stdout=out,
            stderr=out,
            pass_fds=[write],
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(write)
        os.close(out)
    try:
        return _outcome(_all_of(read), directory.log("up"))
    finally:
        os.close(read)


def stop(data_dir: Path, *, timeout: float = 150.0) -> Running:
    """Stops the installation on a data directory, whoever started it, and returns what ran."""
    directory = find_data_dir(data_dir)
    running = status(data_dir)
    if running is None:
        raise NotRunning(f"nothing runs on {directory.root}", fix="check --data-dir")
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.up.pid, signal.SIGTERM)
    if not _wait_for(lambda: _is_over(directory, running), timeout):
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.up.pid, signal.SIGKILL)
        # Its children end with it; who does not within a moment is killed too.
        _wait_for(lambda: _is_over(directory, running), _KILL_SECONDS)
        _kill(running)
    if not _wait_for(lambda: _is_over(directory, running), _KILL_SECONDS):
        raise StopFailed(f"process {running.up.pid} does not end", fix="look at it with `ps`")
    directory.state.unlink(missing_ok=True)
    return running


def reset(data_dir: Path) -> None:
    """Deletes the installation on a data directory; refuses while it runs."""
    directory = find_data_dir(data_dir)
    running = status(data_dir)
    if running is not None or not all(lock.is_free(path) for path in _locks(directory)):
        raise AlreadyRunning(
            f"`onward up` runs on {directory.root}, as process {running.up.pid if running else 'unknown'}",
            fix=f"stop it first: `onward down --data-dir {directory.root}`",
        )
    remove(directory)


def status(data_dir: Path) -> Running | None:
    """Returns what runs on a data directory now, if anything does."""
    running = read_state(find_data_dir(data_dir))
    return running if running is not None and running.up.alive() else None


def _all_of(read: int) -> bytes:
    """Reads until the other process has said its word and closed the pipe, or is taking too long."""
    told = b""
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while select.select([read], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(read, 65536)
        if not chunk:
            break
        told += chunk
    return told


def _outcome(told: bytes, log: Path) -> Running:
    try:
        outcome = msgspec.json.decode(told, type=Outcome)
    except msgspec.DecodeError:
        said = "\n".join(f"  {text}" for text in log_file.tail(log))
        raise StartFailed(f"`onward up` ended without a word; it said:\n{said}", fix=f"see {log}") from None
    if outcome.running is not None:
        return outcome.running
    known = {error.code: error for error in (AlreadyRunning, Misconfigured)}
    raise known.get(outcome.code, StartFailed)(outcome.error, fix=outcome.fix)


def _locks(directory: DataDir) -> list[Path]:
    return [directory.lock, *(directory.server_lock(name) for name in _SERVERS)]


def _is_over(directory: DataDir, running: Running) -> bool:
    """Tells whether all of it is gone: a killed process still lives for as long as the kernel takes to end it."""
    everyone = [running.up, *running.children.values()]
    return not any(each.alive() for each in everyone) and all(
        lock.is_free(path) for path in _locks(directory)
    )


def _kill(running: Running) -> None:
    for child in running.children.values():
        if child.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)


def _wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
