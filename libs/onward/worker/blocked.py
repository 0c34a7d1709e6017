"""Notices from another thread that code blocks the event loop: for how long, where, and whose code it probably is."""

import asyncio
import gc
import sys
import sysconfig
import threading
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

import onward
from onward.telemetry import scope

PATIENCE = 1.0
"""Seconds without a turn of the loop from which on it counts as blocked."""


class Blocked(msgspec.Struct, frozen=True):
    """The loop has not turned for so long; `over` says that it does again."""

    seconds: float
    where: str
    execution_id: str | None
    over: bool = False


class LoopWatch:
    """Made on the loop, and asked again and again from a thread that the loop cannot block.

    It tells what happens first after the patience, then each time it took twice as long (from the asking thread), and
    when it is over (on the loop, before anything else goes on there).
    """

    def __init__(
        self, tell: Callable[[Blocked], None], clock: Callable[[], float], *, patience: float = PATIENCE
    ) -> None:
        self._loop, self._thread_id = asyncio.get_running_loop(), threading.get_ident()
        self._tell, self._clock, self._patience = tell, clock, patience
        self._asked: float | None = None
        self._told: Blocked | None = None

    def look(self) -> None:
        """Ask the loop for a turn, or tell where it is if it has not answered the last time."""
        now, asked, told = self._clock(), self._asked, self._told
        if asked is None:
            self._asked = now
            self._loop.call_soon_threadsafe(self._turned)
            return
        if now - asked < (self._patience if told is None else 2 * told.seconds):
            return
        where = self._where()
        if where is not None:  # else it waits for something to happen: not let run, but by nobody's code
            self._told = Blocked(now - asked, where, self._whose())
            self._tell(self._told)

    def _turned(self) -> None:
        asked, told = self._asked, self._told
        self._asked = self._told = None
        if asked is not None and told is not None:
            self._tell(msgspec.structs.replace(told, seconds=self._clock() - asked, over=True))

    def _where(self) -> str | None:
        frame = sys._current_frames().get(self._thread_id)  # noqa: SLF001 - there is no other way to see it
        if frame is None or _is_machinery(frame):
            return None
        innermost = frame
        while frame is not None and not _is_an_authors(frame):
            frame = frame.f_back
        return _named(frame or innermost)

    def _whose(self) -> str | None:
        task = asyncio.current_task(self._loop)
        context = None if task is None else _context(task)
        return None if context is None else context.get(scope.execution_id)


_MACHINERY = ("asyncio", "selectors", "uvloop")


def _is_machinery(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _MACHINERY


_NOT_AN_AUTHORS = tuple(
    {str(Path(path).resolve()) for name, path in sysconfig.get_paths().items() if name.endswith("lib")}
    | {str(Path(onward.__file__).resolve().parent), "<frozen"}
)


def _is_an_authors(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return not file.startswith(_NOT_AN_AUTHORS) and "/site-packages/" not in file


def _named(frame: FrameType) -> str:
    file = Path(frame.f_code.co_filename)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{shown}:{frame.f_lineno} {frame.f_code.co_qualname}"


def _context(task: "asyncio.Task[Any]") -> Context | None:
    if hasattr(task, "get_context"):
        found = task.get_context()
        return found if isinstance(found, Context) else None
    # Python 3.11 has it, and shows it to the garbage collector only.
    return next((each for each in gc.get_referents(task) if isinstance(each, Context)), None)
