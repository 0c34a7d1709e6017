"""Notices that our supervisor was killed: the layer for where the kernel does not tell."""

import contextlib
import faulthandler
import os
import sys
import threading
from collections.abc import Iterator, MutableMapping

from onward.process.stop import Stop

PARENT_VARIABLE = "ONWARD_PARENT_PID"
ORPHAN_SECONDS = 3.0
_LOOK_SECONDS = 1.0


def exit_within(seconds: float) -> None:
    """Ends this process with the stacks of its threads shown, unless it ends by itself before.

    The clock runs outside Python, so neither a blocked loop nor a held interpreter lock stops it.
    """
    with contextlib.suppress(AttributeError, OSError, RuntimeError, ValueError):
        faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)


class Parent:
    """The supervisor that this process must not outlive, or nobody."""

    def __init__(self, env: MutableMapping[str, str]) -> None:
        # Taken out, so that programs started by us don't believe that it is theirs.
        named = env.pop(PARENT_VARIABLE, "")
        self._pid = int(named) if named.isdigit() else None

    @property
    def gone(self) -> bool:
        """Says whether there was a supervisor, and is none any more."""
        return self._pid is not None and os.getppid() != self._pid

    @contextlib.contextmanager
    def watched(self, stop: Stop) -> Iterator[None]:
        """Asks for the end, and enforces it, once the supervisor is gone."""
        if self._pid is None:
            yield
            return
        finished = threading.Event()
        thread = threading.Thread(target=self._look, args=(stop, finished), name="parent", daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()

    def _look(self, stop: Stop, finished: threading.Event) -> None:
        while not finished.wait(_LOOK_SECONDS):
            if self.gone:
                exit_within(ORPHAN_SECONDS)
                stop.request("the supervisor has ended")
                return
