"""What tasks print and log becomes lines of their executions while a Lab is open."""

from collections.abc import Callable

from onward.worker.capture import install


class Capture:
    """The hooks that bring print and logging into the log: once, however many Labs there are."""

    def __init__(self) -> None:
        self._labs = 0
        self._uninstall: Callable[[], None] = lambda: None

    def enter(self) -> None:
        """A Lab is opened."""
        if self._labs == 0:
            self._uninstall = install()
        self._labs += 1

    def leave(self) -> None:
        """A Lab is closed."""
        self._labs -= 1
        if self._labs == 0:
            self._uninstall()


capture = Capture()
