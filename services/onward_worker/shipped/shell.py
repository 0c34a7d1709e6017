"""`shell`: runs a command line as a child process in a process group of its own."""

import asyncio
import codecs
import os
import signal
from collections import deque
from typing import Any

from onward.contract.retry import ONCE
from onward.tasks.outcome import Fatal
from onward.tasks.registry import Registry
from onward.worker.logs import current_writer

TAIL = 100
"""Lines of output that become part of the result."""
MAX_PIECE = 16 * 1024
STOP_SECONDS = 3.0

registry = Registry("shell")


class CommandFailed(Fatal):
    """The command ended with a code other than 0."""


@registry.task(retry=ONCE)
async def shell(command: str, cwd: str | None = None, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run `command` in /bin/sh; its output becomes log lines, its exit code and last lines the result."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        command,
        cwd=cwd,
        env={**_environment(), **(env or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    tail: deque[str] = deque(maxlen=TAIL)
    try:
        assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - for the type checker
        readers = asyncio.gather(_read(process.stdout, "stdout", tail), _read(process.stderr, "stderr", tail))
        code = await process.wait()
        # What the command left in the background may keep the pipes open: its output is not waited for.
        await asyncio.wait({readers}, timeout=1.0)
        readers.cancel()
    finally:
        await asyncio.shield(_end(process))
    if code != 0:
        last = f": {tail[-1]}" if tail else ""
        raise CommandFailed(f"exit code {code}{last}")
    return {"exit_code": code, "tail": list(tail)}


def _environment() -> dict[str, str]:
    # The command is somebody else's code: it gets the worker's environment without the worker's credentials.
    return {name: value for name, value in os.environ.items() if not name.startswith("ONWARD_")}


async def _read(pipe: asyncio.StreamReader, stream: str, tail: deque[str]) -> None:
    writer, decoder, rest = current_writer.get(), codecs.getincrementaldecoder("utf-8")("replace"), ""
    level = "info" if stream == "stdout" else "warning"
    while piece := await pipe.read(MAX_PIECE):
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        if len(rest) > MAX_PIECE:  # a line without an end: hand it out in pieces
            lines, rest = [*lines, rest], ""
        for line in lines:
            tail.append(line)
            if writer is not None:
                writer.write(level, stream, line.removesuffix("\r"))
    if rest:
        tail.append(rest)
        if writer is not None:
            writer.write(level, stream, rest)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop the whole process group: asked first, killed after 3 s."""
    if process.returncode is None and _signal_group(process.pid, signal.SIGTERM):
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            pass
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(pid: int, number: signal.Signals) -> bool:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
