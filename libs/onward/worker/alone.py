"""Turns for what has lost all the workers it may lose but one: it runs by itself, so that the next death is its own.

Whoever runs beside a poison is lost with it, and is given out again at the same time. Without turns 86 of 1,000 good
executions beside 20 poisons ended as poisons, too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from onward.contract.decide import POISON_AFTER
from onward.contract.errors import Unavailable
from onward.contract.execution import Execution

PATIENCE = 30.0
"""Seconds for the others to end; then it runs beside them after all."""
TURN = 60.0
"""Seconds that others are kept out at most: what takes its worker down rarely takes longer."""


def is_suspect(state: Execution) -> bool:
    """Whether one more lost worker makes it a poison."""
    waits = not (state.ended or state.held or state.undoing)
    return waits and state.recoveries == POISON_AFTER - 1


class Alone:
    """The turns of one worker. `running`: how many it is about, this one included; `changed` is told of each end."""

    def __init__(self, running: Callable[[], int], changed: Callable[[], object]) -> None:
        self.taken = False
        """Whether one has its turn, or waits for it: nothing new is taken meanwhile."""
        self._running, self._changed = running, changed
        self._stirred = asyncio.Event()
        self._closed = False

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The turn, which ends after TURN even where the work goes on. Raises Unavailable once this worker drains."""
        self.taken = True
        try:
            await self._until_alone()
        except BaseException:
            self._over()
            raise
        ends = asyncio.get_running_loop().call_later(TURN, self._over)
        try:
            yield
        finally:
            if not ends.cancelled() and ends.when() > asyncio.get_running_loop().time():
                ends.cancel()
                self._over()

    def stir(self) -> None:
        """Something has ended here."""
        self._stirred.set()

    def close(self) -> None:
        """No turn begins any more."""
        self._closed = True
        self._stirred.set()

    async def _until_alone(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self._running() > 1 and not self._closed:
                    self._stirred.clear()
                    await self._stirred.wait()
        if self._closed:
            raise Unavailable("this worker takes no more work")

    def _over(self) -> None:
        self.taken = False
        self._changed()
