"""The program of a process that runs one function of an author: `python -m onward.worker.child_program SOCKET`.

It imports the function, reads its arguments as their annotations say, and tells the worker how it ended.
"""

import asyncio
import inspect
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, cast, get_type_hints

import msgspec

from onward.tasks import codec
from onward.tasks.context import Session, current
from onward.tasks.outcome import Interrupted, RetryAfter
from onward.tasks.own_process import imported
from onward.worker import child_frames as frames
from onward.worker.failure import describe


class Channel:
    """The socket to the worker; any thread may speak."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._socket, self._lock = socket.socket(fileno=fd), threading.Lock()

    def call(self) -> frames.Call:
        """What to do."""
        size = int.from_bytes(self._exactly(frames.LENGTH), "big")
        return msgspec.json.decode(self._exactly(size), type=frames.Call)

    def tell(self, message: msgspec.Struct) -> None:
        """Send one message; waits while the worker is slow."""
        with self._lock:
            self._socket.sendall(frames.frame(message))

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                sys.exit("the worker has ended")
            data += piece
        return bytes(data)


class ChildSession:
    """The attempt, as far as it reaches into this process: who it is, log lines, progress."""

    def __init__(self, channel: Channel, call: frames.Call) -> None:
        self.execution_id, self.attempt, self.agent = call.execution_id, call.attempt, call.agent
        self._channel, self._key = channel, call.idempotency_key
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """A loop for `sync(...)`, on a thread of its own, made when it is needed."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return self._loop

    def log(self, level: str, text: str) -> None:
        """Write a line."""
        self._channel.tell(frames.Said(level, text))

    async def progress(self, fraction: float | None, message: str | None) -> None:
        """Say how far it is."""
        self._channel.tell(frames.Progressed(fraction, message))

    def idempotency_key(self) -> str:
        """The key of the step or task that this process runs."""
        return self._key

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise RuntimeError(
            f"{name} does not work in a process of its own (process=True): only log(), progress() and "
            "idempotency_key() do; call it from the task, outside of this function"
        )


class ToWorker(logging.Handler):
    """Log records become lines of the execution."""

    def __init__(self, session: ChildSession) -> None:
        super().__init__()
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        """Send one."""
        try:
            self._session.log(record.levelname.lower(), self.format(record))
        except Exception:  # noqa: BLE001 - stdlib's way to tell of it
            self.handleError(record)


def arguments(fn: Callable[..., Any], call: frames.Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call's arguments, each as its annotation says."""
    try:
        hints = get_type_hints(fn)
    except (NameError, TypeError):
        hints = {}
    signature = inspect.signature(fn)
    bound = signature.bind(*call.args, **call.kwargs)
    for name, given in bound.arguments.items():
        wanted, kind = codec.usable(hints.get(name, Any)), signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(codec.decode(each, wanted) for each in given)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: codec.decode(each, wanted) for key, each in given.items()}
        else:
            bound.arguments[name] = codec.decode(given, wanted)
    return bound.args, bound.kwargs


def perform(call: frames.Call) -> msgspec.Struct:
    """Run the function; how it ended."""
    try:
        fn = imported(call.module, call.qualname)
        args, kwargs = arguments(fn, call)
        result = fn(*args, **kwargs)
        return frames.Returned(codec.carried(result, f"the result of {call.qualname}"))
    except Interrupted:
        return frames.Stopped()
    except Exception as error:  # noqa: BLE001 - whatever an author's code raises is an outcome
        return _raised(error)


def _raised(error: Exception) -> frames.Raised:
    try:
        args = codec.carried(error.args, "arguments")
    except TypeError:
        args = codec.carried([str(error)], "message")
    return frames.Raised(
        error=describe(error),
        module=type(error).__module__,
        qualname=type(error).__qualname__,
        args=args,
        after=error.seconds if isinstance(error, RetryAfter) else None,
    )


def main() -> None:
    """Run one call."""
    channel = Channel(int(sys.argv[1]))
    call = channel.call()
    sys.path[:] = call.path
    session = ChildSession(channel, call)
    for stream in (sys.stdout, sys.stderr):
        cast(Any, stream).reconfigure(line_buffering=True, errors="backslashreplace")
    logging.getLogger().addHandler(ToWorker(session))
    logging.getLogger().setLevel(logging.INFO)
    current.set(cast(Session, session))

    def asked_to_stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise Interrupted

    signal.signal(signal.SIGTERM, asked_to_stop)
    outcome = perform(call)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    channel.tell(outcome)


if __name__ == "__main__":
    main()
