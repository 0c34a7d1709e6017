"""Blocking code on threads of its own: one thread a call, so that none can be used up."""

import asyncio
import contextvars
import ctypes
import threading
from collections.abc import Callable
from typing import Any

from onward.tasks import context
from onward.tasks.outcome import Interrupted


class Thread:
    """A running blocking call; `future` is its result on the loop."""

    asked, forced = "its thread ended by itself", "by an exception in its thread"

    def __init__(self, call: Callable[[], Any], name: str) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = loop.create_future()
        here = contextvars.copy_context()

        def settle(result: Any, error: BaseException | None) -> None:
            if self.future.done():
                return
            if error is None:
                self.future.set_result(result)
            else:
                self.future.set_exception(error)

        def work() -> None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = here.run(call)
            except (StopIteration, SystemExit, KeyboardInterrupt) as raised:
                # The first cannot be set on a future, the others would end the worker.
                error = RuntimeError(repr(raised))
            except BaseException as raised:  # noqa: BLE001 - goes to whoever awaits the future
                error = raised
            try:
                loop.call_soon_threadsafe(settle, result, error)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

        self._thread = threading.Thread(target=work, name=name, daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Cancel the step or sleep that it waits for; while it runs, a thread cannot be asked."""
        waits_for = context.waiting_threads.get(self._thread.ident or 0)
        if waits_for is not None:
            waits_for.cancel()

    def force(self) -> None:
        """Raise Interrupted in the thread at its next bytecode; a call blocked in C notices when it returns."""
        if self._thread.ident is not None and self._thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread.ident), ctypes.py_object(Interrupted)
            )
