"""Runs a short program to its end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from onward.process import log_file
from onward.process.child_spec import ChildFailed
from onward.process.spawn import Owner, ended, spawn


async def finish(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    stdin: bytes = b"",
    owner: Owner | None = None,
    keep: Sequence[int] = (),
) -> None:
    """Runs a program whose output goes to a log; raises `ChildFailed` with its last words when it fails.

    It dies with us. What it reads must fit into a pipe (64 KiB).
    """
    out = log_file.open_to_append(log)
    start = os.fstat(out).st_size
    given, giving = os.pipe()
    try:
        os.write(giving, stdin)
        os.close(giving)
        process = spawn(
            argv, env=env, out=out, stdin=given, owner=owner, keep=keep, death=signal.SIGKILL, cwd=Path("/")
        )
    finally:
        os.close(given)
        os.close(out)
    code = await _ended_or_killed(process)
    if code != 0:
        said = "\n".join(f"  {line}" for line in log_file.tail(log, after=start))
        raise ChildFailed(f"{name} ended with code {code}; it said:\n{said}", fix=f"see {log}")


async def _ended_or_killed(process: "subprocess.Popen[bytes]") -> int:
    try:
        return await ended(process)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
