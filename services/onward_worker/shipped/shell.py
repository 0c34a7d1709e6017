"""`shell`: runs a command line as a child process in a process group of its own."""

import asyncio
import codecs
import os
import signal
import subprocess
from collections import deque
from pathlib import Path
from typing import Any

from onward.contract.retry import ONCE
from onward.process.spawn import ended, spawn
from onward.tasks import variables
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
    process, pipes = _start(
        command, cwd, {**_environment(), **(variables.current.get() or {}), **(env or {})}
    )
    tail: deque[str] = deque(maxlen=TAIL)
    reading = [
        asyncio.ensure_future(_read(pipe, stream, tail))
        for pipe, stream in zip(pipes, ("stdout", "stderr"), strict=True)
    ]
    gone = asyncio.ensure_future(ended(process))
    try:
        code = await asyncio.shield(gone)
        # What the command left in the background is killed with its group: its output is not waited for.
        await asyncio.wait(reading, timeout=1.0)
    finally:
        await asyncio.shield(_end(process, gone))
        for task in reading:
            task.cancel()
    if code != 0:
        last = f": {tail[-1]}" if tail else ""
        raise CommandFailed(f"exit code {code}{last}")
    return {"exit_code": code, "tail": list(tail)}


def _start(
    command: str, cwd: str | None, env: dict[str, str]
) -> "tuple[subprocess.Popen[bytes], tuple[int, int]]":
    """The command, which dies with all that it started when this worker does: another one may run it again."""
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    try:
        process = spawn(
            ["/bin/sh", "-c", command],
            env=env,
            cwd=Path(cwd) if cwd else None,
            out=out_end,
            err=err_end,
            death=signal.SIGKILL,
            by_pipe=True,
        )
    except BaseException:
        os.close(out)
        os.close(err)
        raise
    finally:
        os.close(out_end)
        os.close(err_end)
    return process, (out, err)


def _environment() -> dict[str, str]:
    # The command is somebody else's code: it gets the worker's environment without the worker's credentials.
    return {name: value for name, value in os.environ.items() if not name.startswith("ONWARD_")}


async def _read(end: int, stream: str, tail: deque[str]) -> None:
    pipe = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(pipe), os.fdopen(end, "rb", buffering=0)
    )
    writer, decoder, rest = current_writer.get(), codecs.getincrementaldecoder("utf-8")("replace"), ""
    level = "info" if stream == "stdout" else "warning"
    try:
        while piece := await pipe.read(MAX_PIECE):
            *lines, rest = (rest + decoder.decode(piece)).split("\n")
            if len(rest) > MAX_PIECE:  # a line without an end: hand it out in pieces
                lines, rest = [*lines, rest], ""
            for line in lines:
                tail.append(writer.scrub(line) if writer is not None else line)
                if writer is not None:
                    writer.write(level, stream, line.removesuffix("\r"))
            if writer is not None:
                await writer.room()
    finally:
        transport.close()
    if rest:
        tail.append(writer.scrub(rest) if writer is not None else rest)
        if writer is not None:
            writer.write(level, stream, rest)


async def _end(process: "subprocess.Popen[bytes]", gone: "asyncio.Future[int]") -> None:
    """Stop the whole process group: asked first, killed after 3 s."""
    if not gone.done() and _signal_group(process.pid, signal.SIGTERM):
        await asyncio.wait({gone}, timeout=STOP_SECONDS)
    if not gone.done():
        _signal_group(process.pid, signal.SIGKILL)
    await gone


def _signal_group(pid: int, number: signal.Signals) -> bool:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
