"""One call of a function in a process of its own: started fresh, listened to, killed with all that it started."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import Any

import msgspec

from onward.process.spawn import ended, spawn
from onward.tasks import codec, variables
from onward.tasks.context import current
from onward.tasks.outcome import Interrupted, ProcessDied, RetryAfter
from onward.tasks.own_process import OwnProcess
from onward.worker import child_frames as frames
from onward.worker.logs import current_writer

LEAVE_SECONDS = 1.0
"""How long a process may take to end after its function has, and its output to come in after its end."""
_PIECE = 64 * 1024
under_way: "set[asyncio.Future[Any]]" = set()
"""The calls of this process: a virtual clock must know that somebody is at work."""
_told = msgspec.json.Decoder(frames.Told)


class ChildCall:
    """A running call; `future` is its result as JSON. Made on the loop of the main thread."""

    asked, forced = "its process ended when it was asked to (SIGTERM)", "its process was killed (SIGKILL)"

    def __init__(
        self,
        fn: OwnProcess,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        step: str | None,
    ) -> None:
        fn.check()
        session = current.get()
        if session is None:
            raise RuntimeError("a process of its own is started for an execution only")
        self._call = frames.Call(
            path=sys.path,
            module=fn.module,
            qualname=fn.qualname,
            args=[codec.carried(value, f"argument {i} of {fn.qualname}") for i, value in enumerate(args, 1)],
            kwargs={name: codec.carried(value, f"argument {name}") for name, value in kwargs.items()},
            execution_id=session.execution_id,
            attempt=session.attempt,
            idempotency_key=session.idempotency_key(),
            agent=session.agent,
        )
        self._session, self._step = session, step
        self._process: subprocess.Popen[bytes] | None = None
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_task(self._run())
        under_way.add(self.future)
        self.future.add_done_callback(under_way.discard)

    def ask(self) -> None:
        """Raise Interrupted in it, so that it can put its things in order."""
        self._signal(signal.SIGTERM, group=False)

    def force(self) -> None:
        """Kill it, and all that it started."""
        self._signal(signal.SIGKILL, group=True)

    def _signal(self, number: signal.Signals, *, group: bool) -> None:
        if self._process is None or self._process.returncode is not None:
            return  # reaped: the number may be somebody else's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            (os.killpg if group else os.kill)(self._process.pid, number)

    async def _run(self) -> msgspec.Raw:
        ours, out, err = self._start()
        process = self._process
        assert process is not None  # noqa: S101 - for the type checker: `_start` has set it
        gone = asyncio.ensure_future(ended(process))
        reading = [
            asyncio.ensure_future(self._read(out, "stdout")),
            asyncio.ensure_future(self._read(err, "stderr")),
        ]
        hearing = asyncio.ensure_future(self._hear(ours))
        try:
            await asyncio.wait({gone, hearing}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({gone, hearing}, timeout=LEAVE_SECONDS)
            self.force()
            await gone  # and its group is killed
            await asyncio.wait({hearing, *reading}, timeout=LEAVE_SECONDS)
        finally:
            self.force()
            for task in (hearing, *reading):
                task.cancel()
            await asyncio.wait({gone})
            ours.close()
        told = hearing.result() if hearing.done() and not hearing.cancelled() else None
        return self._outcome(told, process.returncode)

    def _outcome(self, told: Any, code: int | None) -> msgspec.Raw:
        match told:
            case frames.Returned(result):
                return result
            case frames.Raised():
                raise rebuilt(told)
            case frames.Stopped():
                raise Interrupted
            case _:
                raise ProcessDied(_how_it_died(self._call.qualname, code or 0))

    def _start(self) -> tuple[socket.socket, int, int]:
        ours, theirs = socket.socketpair()
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        try:
            self._process = spawn(
                [sys.executable, "-m", "onward.worker.child_program", str(theirs.fileno())],
                env={**os.environ, **(variables.current.get() or {})},
                out=out_end,
                err=err_end,
                keep=[theirs.fileno()],
                death=signal.SIGKILL,
                by_pipe=True,
            )
        except BaseException:
            ours.close()
            os.close(out)
            os.close(err)
            raise
        finally:
            theirs.close()
            os.close(out_end)
            os.close(err_end)
        return ours, out, err

    async def _hear(self, ours: socket.socket) -> Any:
        """What it tells, until it tells how it ended; None where it never does."""
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            writer.write(frames.frame(self._call))
            await writer.drain()
            while True:
                size = int.from_bytes(await reader.readexactly(frames.LENGTH), "big")
                told = _told.decode(await reader.readexactly(size))
                match told:
                    case frames.Said(level, text):
                        await self._say(level, text)
                    case frames.Progressed(fraction, message):
                        await self._session.progress(fraction, message)
                    case _:
                        return told
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        finally:
            writer.close()

    async def _say(self, level: str, text: str) -> None:
        if (log := current_writer.get()) is not None:
            log.write(level, "log", text, self._step)
            await log.room()

    async def _read(self, pipe: int, stream: str) -> None:
        """Its output, as lines; it is read more slowly than the process writes, where the log is slow."""
        reader = asyncio.StreamReader(limit=_PIECE)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
        )
        last = b"\n"
        log = current_writer.get()
        try:
            while piece := await reader.read(_PIECE):
                last = piece
                if log is not None:
                    log.printed.bytes(stream, piece, self._step)
                    await log.room()
        finally:
            transport.close()
            if log is not None and not last.endswith(b"\n"):
                log.printed.bytes(stream, b"\n", self._step)


def rebuilt(raised: frames.Raised) -> BaseException:
    """The exception as it was there, where its type is known here; its stack is the one of the other process."""
    kind: Any = sys.modules.get(raised.module)
    for name in raised.qualname.split("."):
        kind = getattr(kind, name, None)
    # Where its type is not known here, one of its name: retry policies know types by their names.
    named = {"__module__": raised.module, "__qualname__": raised.qualname}
    error: Exception = type(raised.qualname.rpartition(".")[2], (RuntimeError,), named)(raised.error.message)
    if isinstance(kind, type) and issubclass(kind, Exception):
        with contextlib.suppress(TypeError):
            error = kind.__new__(kind)
            error.args = tuple(msgspec.json.decode(raised.args))
    if isinstance(error, RetryAfter):
        error.seconds = raised.after or 0.0
    error.onward_failure = raised.error  # type: ignore[attr-defined]  # see onward.worker.failure
    return error


def _how_it_died(what: str, code: int) -> str:
    if code >= 0:
        return f"the process of {what} ended with exit code {code} before the function did"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    perhaps = ": perhaps it used up the memory" if code == -signal.SIGKILL else ""
    return f"the process of {what} was ended by {name}{perhaps}"
