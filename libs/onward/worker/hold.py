"""An execution as the worker that claimed it holds it: its log so far, and the fence to append behind."""

import asyncio
from collections.abc import Callable

from onward.bus.ports import EventLog
from onward.contract.decide import Moment
from onward.contract.errors import BrokenLog, FenceLost, Unavailable
from onward.contract.events import AnyEvent
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance
from onward.contract.log import Decision, Log
from onward.worker.large import FIRST_PAUSE, PATIENCE, Large

Decide = Callable[[Execution], tuple[AnyEvent, ...]]


class Lost(Exception):
    """Another worker owns this execution, or it has ended: stop, and do not ack."""


LOOKS = 4
"""How often a log that has lost its end is looked at: each time after twice as long."""


class Cancelling(Exception):
    """Somebody asked to cancel: only `cancelled` may follow."""


class Hold:
    """One claimed execution. Appends go one after the other (PROTOCOL A3), each decided on the newest state known."""

    def __init__(self, events: EventLog, log: Log, moment: Callable[[], Moment], large: Large) -> None:
        self._events, self._lock = events, asyncio.Lock()
        self.log, self.moment, self.large = log, moment, large
        self.undoing = False
        """Whether its steps are being undone: then a cancel does not stop it, but ends with it."""
        self._claim = (log.execution.worker_id, log.execution.attempt, log.execution.work_sequence)

    @property
    def state(self) -> Execution:
        """The execution as far as it is known here."""
        return self.log.execution

    @property
    def ours(self) -> bool:
        """Whether this claim still holds it: it may be another's by now, of this very worker too."""
        state = self.state
        return not state.ended and (state.worker_id, state.attempt, state.work_sequence) == self._claim

    async def append(self, decide: Decide, *, ends_cancel: bool = False) -> Log:
        """Append what `decide` makes of the state; decides again on the newer state whenever somebody was faster.

        Raises Lost, Cancelling (not with `ends_cancel`), and Unavailable when the store does not answer for PATIENCE.
        """
        tried: set[str] = set()
        gone = 0
        async with self._lock:
            while True:
                if tried and any(stored.event.id in tried for stored in self.log.stored[-400:]):
                    # An append whose outcome nobody knew had got through after all (PROTOCOL A5).
                    return self.log
                self._check(ends_cancel=ends_cancel)
                events = decide(self.state)
                if not events:
                    return self.log
                after = self._after(events)
                decision = Decision(
                    project=self.state.project,
                    execution_id=self.state.id,
                    expected=self.log.sequence,
                    events=events,
                )
                tried.add(events[-1].id)
                try:
                    last = await self._events.append(decision)
                except FenceLost as lost:
                    known = self.log.sequence
                    await self._read_on(floor=lost.floor)
                    if lost.floor < known == self.log.sequence:
                        gone += 1
                        await self._gone(gone)
                except Unavailable:
                    await asyncio.sleep(FIRST_PAUSE)
                    await self._read_on()
                else:
                    self.log = self.log.then(events, last, after)
                    return self.log

    async def _gone(self, times: int) -> None:
        """The log ends before what was read of it: soon again it does not, or EVENTS has lost it."""
        if times == LOOKS:
            raise Lost(f"EVENTS has lost the end of the log of execution {self.state.id}")
        await asyncio.sleep(FIRST_PAUSE * 2 ** (times - 1))

    async def _read_on(self, floor: int = 0) -> None:
        # The work is done and only its record is missing: worth waiting for. The fence keeps a late one harmless.
        patience = asyncio.get_running_loop().time() + PATIENCE
        pause = FIRST_PAUSE
        while True:
            try:
                self.log = await self._events.read_on(self.log, floor=floor)
                return
            except Unavailable:
                if asyncio.get_running_loop().time() > patience:
                    raise
            await asyncio.sleep(pause)
            pause = min(5.0, pause * 2)

    async def refresh(self) -> None:
        """Read what others appended. Raises Lost or Cancelling."""
        async with self._lock:
            self.log = await self._events.read_on(self.log)
            self._check(ends_cancel=False)

    def _check(self, *, ends_cancel: bool) -> None:
        state = self.state
        if not self.ours:
            raise Lost(
                f"execution {state.id} is {state.status}, attempt {state.attempt} of {state.worker_id}"
            )
        if state.cancelling and not (ends_cancel or self.undoing):
            raise Cancelling(state.id)

    def _after(self, events: tuple[AnyEvent, ...]) -> Execution:
        """What these events make of the state; raises BrokenLog where one of them may not follow."""
        state: Execution | Refused = self.state
        for event in events:
            if isinstance(state, Refused):
                break
            state = advance(state, event)
        if isinstance(state, Refused):
            raise BrokenLog(f"decided an illegal event: {state.because}")
        return state
