"""What the limit keeper does to one execution at a time; each of it can be done twice."""

from collections.abc import Callable, Sequence

import msgspec

from onward.bus import kin
from onward.bus.limit_deciding import Stop
from onward.bus.limit_line import Waiter
from onward.bus.ports import EventLog, Messages
from onward.contract import commands, subjects
from onward.contract import events as ev
from onward.contract.decide import Hint, Moment, wake_at
from onward.contract.errors import BrokenLog, Conflict, FenceLost
from onward.contract.execution import Execution, Status
from onward.contract.lifecycle import fold
from onward.contract.limits import Holder, KeyState
from onward.contract.log import Decision, Log, Stored


class Acts:
    """Reads, admits and cancels."""

    def __init__(self, events: EventLog, messages: Messages, moment: Callable[[], Moment]) -> None:
        self._events, self._messages, self._moment = events, messages, moment

    async def read(self, hint: Hint) -> Log | None:
        """The log a hint points at. Raises Unavailable, BrokenLog."""
        if hint.submitted is not None:
            # What is appended on this is fenced by the sequence of this one event.
            stored = (Stored(hint.floor, hint.submitted),)
            return Log(stored=stored, execution=fold((hint.submitted,)), sequence=hint.floor)
        return await self._events.read(hint.project, hint.execution_id, route=hint.route, floor=hint.floor)

    async def admit(self, waiter: Waiter, grants: dict[str, int]) -> Log | None:
        """None: it is admitted. Otherwise its log, on which others have gone on. Raises Unavailable."""
        state = waiter.log.execution
        # What it held before has its epoch already.
        asked = {"grants": {**grants, **state.grants}, "fired": waiter.fired}
        route = subjects.route(state.queue, state.priority)
        try:
            await self._append(waiter, wake_at(state, self._moment(), route, ev.Admitted, **asked))
        except FenceLost as lost:
            return await self._events.read_on(waiter.log, floor=lost.floor)
        return None

    async def gate_again(self, waiter: Waiter) -> Log:
        """Its log after an event with which nobody can admit it on what was granted before."""
        state = waiter.log.execution
        asked = {"limits": state.limits, "fired": waiter.fired}
        events = wake_at(state, self._moment(), state.route, ev.Gated, **asked)
        try:
            return waiter.log.then(events, await self._append(waiter, events))
        except FenceLost as lost:
            return await self._events.read_on(waiter.log, floor=lost.floor)

    async def _append(self, waiter: Waiter, events: tuple[ev.AnyEvent, ...]) -> int:
        state = waiter.log.execution
        decision = Decision(
            project=state.project, execution_id=state.id, expected=waiter.log.sequence, events=events
        )
        return await self._events.append(decision)

    async def has_let_go(self, state: KeyState, holder: Holder) -> bool:
        """Whether an execution does not hold a key any more, and is not on its way to it. Raises Unavailable."""
        try:
            found = await self._events.read(state.project, holder.execution_id)
        except BrokenLog:
            return False
        if found is None or found.execution.ended:
            return True
        return not found.execution.gated and state.key not in found.execution.grants

    async def stop(self, stop: Stop) -> None:
        """Cancel it because of a limit. Raises Unavailable."""
        found = await self._events.read(stop.key[0], stop.execution_id)
        if found is None:
            return
        after = await kin.decide_on(self._events, found, lambda state: self._cancel(state, stop))
        await kin.nudge(self._messages, after.execution)

    def _cancel(self, state: Execution, stop: Stop) -> Sequence[ev.AnyEvent]:
        if stop.waiting and not (state.gated and state.status is Status.PENDING):
            return ()
        try:
            return commands.cancel(state, self._moment(), stop.because)
        except Conflict:
            return ()  # it has ended


def wants(state: Execution, hint: Hint) -> bool:
    """Whether a hint says truly that this execution waits to be admitted."""
    if not state.gated or state.ended or state.paused:
        return False
    if state.ready:
        return hint.n >= state.ready_by
    return hint.fired is not None and hint.fired == state.asked_due


def slim(found: Log) -> Log:
    """What is needed to append to it: not its events, nor its values."""
    state = msgspec.structs.replace(found.execution, input=ev.NOTHING, output=None, inbox={})
    return Log(stored=(), execution=state, sequence=found.sequence)
