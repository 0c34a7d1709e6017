"""What each event has made of its execution: folded as the events come, read from the log where that began earlier."""

from collections import OrderedDict

import msgspec

from onward.bus.ports import EventLog, Raw
from onward.contract import events as ev
from onward.contract.errors import BrokenLog, Unavailable
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance, fold
from onward.contract.view import view

MOST_STATES = 5_000
SMALL_BYTES = 2_048
"""Inputs and outputs up to this size stand on a card; larger ones are read by the execution's own address."""
_NULL = msgspec.Raw(b"null")
_encode = msgspec.json.Encoder().encode

Key = tuple[str, str]


class Happening(msgspec.Struct, kw_only=True):
    """One event at its position, and its execution before and after it; None where nobody can tell."""

    position: int
    data: bytes
    event: ev.AnyEvent
    before: Execution | None
    after: Execution | None
    _shown: bytes | None = None
    _card: bytes | None = None

    @property
    def project(self) -> str:
        """Whose it is."""
        return self.event.project

    def shown(self) -> bytes:
        """The event as the stream shows it, in JSON; made once for everybody."""
        if self._shown is None:
            self._shown = _encode(_Shown.of(self))
        return self._shown

    def card(self) -> bytes | None:
        """The execution as a board shows it, in JSON; made once for everybody."""
        if self._card is None and self.after is not None:
            self._card = card_of(self.after)
        return self._card


class _Shown(msgspec.Struct, frozen=True):
    position: int
    type: str
    execution_id: str
    task: str | None
    queue: str | None
    agent_id: str | None
    labels: dict[str, str]
    status: str | None
    reason: str | None
    event: msgspec.Raw

    @classmethod
    def of(cls, seen: Happening) -> "_Shown":
        after, kind, whose = seen.after, ev.event_type(seen.event), seen.event.execution_id
        event = msgspec.Raw(seen.data)
        if after is None:
            return cls(seen.position, kind, whose, None, None, None, {}, None, None, event)
        return cls(
            seen.position, kind, whose, after.task, after.queue, after.agent_id, after.labels,
            after.status.value, after.reason, event,
        )  # fmt: skip


def card_of(state: Execution) -> bytes:
    """An execution as the board shows it: as ever, without large values and without stacks."""
    shown = view(_lean(state))
    if shown.error is not None and shown.error.stack is not None:
        shown = msgspec.structs.replace(shown, error=msgspec.structs.replace(shown.error, stack=None))
    return _encode(shown)


class Folding:
    """Holds the newest state of the executions that were seen last."""

    def __init__(self, events: EventLog, most: int = MOST_STATES) -> None:
        self._events, self._most = events, most
        self._held: OrderedDict[Key, Execution] = OrderedDict()

    async def take(self, raw: Raw) -> Happening | None:
        """The event in a stored message, with what it has made of its execution; None for what is no event."""
        try:
            event = ev.decode(raw.data)
        except msgspec.MsgspecError:
            return None  # the projection has it in quarantine
        key = event.project, event.execution_id
        before = self._held.get(key)
        if event.n > 1 and (before is None or before.n != event.n - 1):
            before = await self._read(event)
        after = _after(before, event)
        if after is not None:
            self._held[key] = after = _lean(after)
            self._held.move_to_end(key)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return Happening(position=raw.sequence, data=raw.data, event=event, before=before, after=after)

    async def _read(self, event: ev.AnyEvent) -> Execution | None:
        """Its execution before this event; None where the log does not reach back."""
        try:
            found = await self._events.read(event.project, event.execution_id)
            earlier = [stored.event for stored in found.stored if stored.event.n < event.n] if found else []
            return fold(earlier) if earlier else None
        except (BrokenLog, Unavailable):
            return None


def _after(before: Execution | None, event: ev.AnyEvent) -> Execution | None:
    if before is not None and before.n >= event.n:
        return before
    try:
        after = advance(before, event)
    except BrokenLog:
        return before
    return before if isinstance(after, Refused) else after


def _lean(state: Execution) -> Execution:
    large_input = len(memoryview(state.input)) > SMALL_BYTES
    large_output = state.output is not None and len(memoryview(state.output)) > SMALL_BYTES
    if not (large_input or large_output):
        return state
    return msgspec.structs.replace(
        state,
        input=_NULL if large_input else state.input,
        output=None if large_output else state.output,
    )
