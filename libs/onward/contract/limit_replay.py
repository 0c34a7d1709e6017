"""The keys' states as the executions' events tell them: for who has lost the keys' own logs. Pure (PROTOCOL L1)."""

from collections.abc import Callable

import msgspec

from onward.contract import events as ev
from onward.contract import limits
from onward.contract.limit import LimitPolicy
from onward.contract.limit_round import Key
from onward.contract.limits import Holder, KeyState, Wanting

Rules = Callable[[str, LimitPolicy], LimitPolicy | None]


class Replay:
    """Hears all events in the order of EVENTS."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._states: dict[Key, KeyState] = {}
        self._limits: dict[str, tuple[LimitPolicy, ...]] = {}
        self._waited: set[str] = set()
        self.anything = False
        """Whether any execution ever had limits: then somebody may be about to admit one."""

    def states(self) -> dict[Key, KeyState]:
        """Each key that somebody holds, that counts a rate, or where the newest one waits."""
        return self._states

    def hear(self, event: ev.AnyEvent) -> None:
        """One more event."""
        match event:
            case ev.Submitted() if event.limits:
                self._submitted(event)
            case ev.Gated():
                self._knows(event.execution_id, event.limits)
            case ev.Admitted():
                self._admitted(event)
            case ev.Carried() if event.part == 1:
                self._carried(event)
        self._gives_back(event, getattr(event, "gives_back", ()))
        if isinstance(event, ev.TERMINAL):
            self._limits.pop(event.execution_id, None)
            self._waited.discard(event.execution_id)

    def _submitted(self, event: ev.Submitted) -> None:
        self._knows(event.execution_id, event.limits)
        for limit in event.limits:
            if limit.full == "replace":
                key = (event.project, limit.key)
                self._states[key], _ = limits.replaced(self._state(key), event.execution_id, event.at)

    def _gives_back(self, event: ev.AnyEvent, keys: tuple[str, ...]) -> None:
        if keys and isinstance(event, ev.Suspended):
            self._waited.add(event.execution_id)
        for name in keys:
            key = (event.project, name)
            self._states[key] = limits.released(self._state(key), event.execution_id, event.n)

    def _knows(self, execution_id: str, of: tuple[LimitPolicy, ...]) -> None:
        self.anything = True
        self._limits[execution_id] = of

    def _admitted(self, event: ev.Admitted) -> None:
        starts = event.execution_id not in self._waited
        self._waited.discard(event.execution_id)
        who = Wanting(
            execution_id=event.execution_id, n=event.n, priority=5, since=event.at, limits=(), starts=starts
        )
        for limit in self._limits.get(event.execution_id, ()):
            if (now := self._rules(event.project, limit)) is not None:
                counts = msgspec.structs.replace(now, max=None)
                key = (event.project, limit.key)
                self._states[key] = limits.granted(self._state(key), counts, who, event.at)
        self._hold(event, tuple(event.grants))

    def _carried(self, event: ev.Carried) -> None:
        state = msgspec.json.decode(event.state, type=_State)
        if state.limits:
            self._knows(event.execution_id, state.limits)
        self._hold(event, tuple(state.grants))

    def _hold(self, event: ev.AnyEvent, keys: tuple[str, ...]) -> None:
        for name in keys:
            key = (event.project, name)
            state = self._state(key)
            if not state.holds(event.execution_id):
                holder = Holder(execution_id=event.execution_id, n=event.n, since=event.at)
                self._states[key] = msgspec.structs.replace(state, holders=(*state.holders, holder))

    def _state(self, key: Key) -> KeyState:
        return self._states.get(key) or KeyState(project=key[0], key=key[1])


class _State(msgspec.Struct):
    """Of an execution that was carried, what concerns limits."""

    limits: tuple[LimitPolicy, ...] = ()
    grants: dict[str, int] = {}
