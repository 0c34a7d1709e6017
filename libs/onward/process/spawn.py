"""Starts a program whose life ends with ours, and waits for its end."""

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from onward.contract.errors import Misconfigured

_GUARD = Path(__file__).with_name("guard.py")
_POLL_SECONDS = 0.05


class Owner(msgspec.Struct, frozen=True):
    """The unprivileged user that a program runs as when we are root."""

    user: int
    group: int


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    out: int,
    err: int | None = None,
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
    death: signal.Signals = signal.SIGTERM,
    owner: Owner | None = None,
    keep: Sequence[int] = (),
    by_pipe: bool = not sys.platform.startswith("linux"),
) -> "subprocess.Popen[bytes]":
    """Starts a program in a session of its own; it gets the signal `death` when we die in any way.

    `err` is for its errors alone; without it they go to `out`.
    The file descriptors in `keep` stay open in it and in everything it starts.
    """
    if threading.current_thread() is not threading.main_thread():
        raise Misconfigured(
            "a child is started from a side thread, and Linux would stop it when that thread ends",
            fix="start children from the main thread",
        )
    pipe = _life_line() if by_pipe else None
    guard = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(int(death))]
    guard += [f"{owner.user}:{owner.group}" if owner else "-", "-" if pipe is None else str(pipe)]
    return subprocess.Popen(
        [*guard, shutil.which(argv[0], path=env.get("PATH")) or argv[0], *argv[1:]],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=out,
        stderr=out if err is None else err,
        start_new_session=True,
        pass_fds=[*keep, *([] if pipe is None else [pipe])],
    )


@functools.cache
def _life_line() -> int:
    """Returns the read end of a pipe whose write end only this process holds, until it ends."""
    read, _write = os.pipe()
    return read


async def ended(process: "subprocess.Popen[bytes]") -> int:
    """Waits for a child's end, kills what is left of its process group, and returns its code."""
    try:
        await _noticed(process)
    finally:
        if _has_ended(process):
            # Not reaped yet, so the number cannot belong to anybody else.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return int(process.returncode)


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    if process.returncode is not None or not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


async def _noticed(process: "subprocess.Popen[bytes]") -> None:
    if not hasattr(os, "pidfd_open") or process.returncode is not None:
        while not _has_ended(process):  # noqa: ASYNC110 -- where nothing tells, one has to look
            await asyncio.sleep(_POLL_SECONDS)
        return
    over = asyncio.Event()
    watched = os.pidfd_open(process.pid)
    try:
        asyncio.get_running_loop().add_reader(watched, over.set)
        await over.wait()
    finally:
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)
