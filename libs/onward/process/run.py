"""Runs one service: its loop, its signals, and its end."""

import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from onward.contract.errors import Misconfigured, OnwardError
from onward.process.parent import ORPHAN_SECONDS, Parent, exit_within
from onward.process.settings import MISCONFIGURED
from onward.process.stop import Stop

Main = Callable[[Stop], Awaitable[None]]

FAILED = 1
SECOND_SIGNAL = 130
_CANCEL_SECONDS = 5.0
_LEAVE_SECONDS = 10.0
_NEW_OBJECTS = 50_000

log = logging.getLogger(__name__)


def run(main: Main, *, grace_seconds: float = 25.0) -> NoReturn:
    """Runs a service and ends the process: 0 after an asked-for stop, otherwise non-zero.

    SIGTERM, SIGINT and SIGHUP ask for the stop; the grace is what `main` then has to return by itself.
    """
    code = run_until_stopped(main, grace_seconds=grace_seconds)
    exit_within(_LEAVE_SECONDS)  # a stuck thread must not keep the interpreter from ending
    sys.exit(code)


def run_until_stopped(main: Main, *, grace_seconds: float = 25.0) -> int:
    """Runs a service until it ends, and returns the exit code it deserves."""
    _collect_less()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_Life(main, grace_seconds, Parent(os.environ)).live())
    finally:
        faulthandler.cancel_dump_traceback_later()


def _collect_less() -> None:
    """Let the collector leave alone what was imported, and look at what is new far less often.

    Nearly all garbage of a service is gone with its last reference, so that looking for cycles finds next to nothing.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- an author's worker may live without it
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Life:
    """One service between its first line and its exit code."""

    def __init__(self, main: Main, grace_seconds: float, parent: Parent) -> None:
        self._main = main
        self._grace_seconds = grace_seconds
        self._parent = parent

    async def live(self) -> int:
        stop = Stop()
        with self._signals(stop), self._parent.watched(stop):
            work: asyncio.Future[Any] = asyncio.ensure_future(self._main(stop))
            asked: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if not work.done():
                await self._finish(work, stop)
        exit_within(_LEAVE_SECONDS)
        return _code(work, stop)

    async def _finish(self, work: asyncio.Future[Any], stop: Stop) -> None:
        """The second clock: after the grace the work is cancelled, and then nobody is asked any more."""
        self._arm()
        await asyncio.wait({work}, timeout=self._grace_seconds)
        if not work.done():
            log.warning("stopping (%s) took longer than %.0f s: cancelled", stop.reason, self._grace_seconds)
            work.cancel()
            await asyncio.wait({work}, timeout=_CANCEL_SECONDS)

    @contextlib.contextmanager
    def _signals(self, stop: Stop) -> Iterator[None]:
        def on_signal(number: int, frame: FrameType | None) -> None:
            del frame
            if stop.requested:
                os._exit(SECOND_SIGNAL)
            self._arm()
            stop.request(signal.Signals(number).name)

        # Not `add_signal_handler`: it waits for the loop, and a blocked loop must hear the second signal.
        heard = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` means what it says
            heard.append(signal.SIGHUP)
        before = {number: signal.signal(number, on_signal) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _arm(self) -> None:
        allowed = self._grace_seconds + 2 * _CANCEL_SECONDS
        exit_within(min(ORPHAN_SECONDS, allowed) if self._parent.gone else allowed)


def _code(work: asyncio.Future[Any], stop: Stop) -> int:
    if not work.done() or work.cancelled():
        return FAILED
    error = work.exception()
    if isinstance(error, OnwardError):
        sys.stderr.write(f"{error.code}: {error}\n" + (f"fix: {error.fix}\n" if error.fix else ""))
        return MISCONFIGURED if isinstance(error, Misconfigured) else FAILED
    if error is not None:
        log.critical("the service broke", exc_info=error)
        return FAILED
    if not stop.requested:
        log.critical("the service ended without being asked to")
        return FAILED
    if stop.failed:
        log.critical("the service cannot go on: %s", stop.reason)
        return FAILED
    return 0
