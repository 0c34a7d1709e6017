"""Hooks of the whole process that bring what a task prints and logs into the log of its execution.

What is written outside of an execution goes where it went before.
"""

import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from onward.worker.call import current_step
from onward.worker.logs import current_writer

_LEVELS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)
_NOT_THE_TASKS = ("onward.", "nats.")
"""Loggers that speak of the engine, also where a task's code called into it."""


def install() -> Callable[[], None]:
    """Put the hooks in place; returns what takes them away again. Import task modules after it, not before."""
    stdout, stderr, root = sys.stdout, sys.stderr, logging.getLogger()
    handler, level, before = LineHandler(), root.level, list(root.handlers)
    sys.stdout, sys.stderr = ours = Routed("stdout", stdout), Routed("stderr", stderr)
    for other in before:  # no scrubber stands before them
        other.addFilter(_is_not_of_a_task)
    root.addHandler(handler)
    if level > logging.INFO:
        root.setLevel(logging.INFO)

    def uninstall() -> None:
        # Whoever put a stream of their own in place since then keeps it.
        sys.stdout = stdout if sys.stdout is ours[0] else sys.stdout
        sys.stderr = stderr if sys.stderr is ours[1] else sys.stderr
        root.removeHandler(handler)
        for other in before:
            other.removeFilter(_is_not_of_a_task)
        root.setLevel(level)

    return uninstall


def _is_not_of_a_task(record: logging.LogRecord) -> bool:
    return current_writer.get() is None or record.name.startswith(_NOT_THE_TASKS)


class LineHandler(logging.Handler):
    """Writes log records of an execution's code as lines; ignores all others."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, a traceback with it as one line."""
        writer = current_writer.get()
        if writer is None or _is_not_of_a_task(record):
            return
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001 - arguments that do not fit the message: stdlib's way to tell of it
            self.handleError(record)
            return
        level = next((name for number, name in _LEVELS if record.levelno >= number), "debug")
        writer.write(level, "log", text, current_step.get())


class Routed(io.TextIOBase):
    """A standard stream: to the log inside an execution, to the real one outside."""

    def __init__(self, name: str, real: TextIO) -> None:
        self._stream, self._real = name, real
        self.buffer = RoutedBytes(name, real)

    def write(self, text: str) -> int:
        """Take text; what is no whole line yet waits for its end."""
        writer = current_writer.get()
        if writer is None:
            return self._real.write(text)
        writer.printed.text(self._stream, text, current_step.get())
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        """Take several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the real stream; a line is sent when it is whole."""
        if current_writer.get() is None:
            self._real.flush()

    def isatty(self) -> bool:
        """Whether somebody watches: never, inside an execution."""
        return current_writer.get() is None and self._real.isatty()

    def fileno(self) -> int:
        """The real stream's: what a child process inherits is not captured."""
        return self._real.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Do nothing: the stream is the process's."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The real stream's."""
        return self._real.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """The real stream's."""
        return self._real.errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class RoutedBytes(io.RawIOBase):
    """The bytes side of a standard stream."""

    def __init__(self, name: str, real: TextIO) -> None:
        self._stream, self._real = name, real

    def write(self, data: Any) -> int:
        """Take bytes, as the text side takes text."""
        writer = current_writer.get()
        if writer is None:
            return self._real.buffer.write(data)
        taken = bytes(data)
        writer.printed.bytes(self._stream, taken, current_step.get())
        return len(taken)

    def flush(self) -> None:
        """Flush the real stream."""
        if current_writer.get() is None:
            self._real.flush()

    def writable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Do nothing: the stream is the process's."""
