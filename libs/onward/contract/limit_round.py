"""One round of the limit keeper, decided on copies of the keys' states: pure (PROTOCOL L1)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from onward.contract import limits
from onward.contract.limit import LimitPolicy
from onward.contract.limits import Blocked, KeyState, Wanting

Key = tuple[str, str]
"""Project and key."""


class Round:
    """What becomes of the keys; `changed` is what has to be stored before anybody may be told."""

    def __init__(self, known: Mapping[Key, KeyState], now: datetime) -> None:
        self._known, self._now = known, now
        self.changed: dict[Key, KeyState] = {}

    def state(self, key: Key) -> KeyState:
        """The key as this round has left it so far."""
        return self.changed.get(key) or self._known[key]

    def knows(self, keys: Iterable[Key]) -> bool:
        """Whether all of these can be decided upon."""
        return all(key in self._known for key in keys)

    def holders(self, key: Key) -> tuple[str, ...]:
        """Who holds a key."""
        return tuple(holder.execution_id for holder in self.state(key).holders)

    def release(self, key: Key, execution_id: str, n: int) -> None:
        """An execution lets go of a key."""
        self._set(key, limits.released(self.state(key), execution_id, n))

    def admit(self, project: str, who: Wanting, as_now: tuple[LimitPolicy, ...]) -> tuple[Blocked, ...]:
        """Give it all its keys, or none; what blocks it. `as_now` are its limits with the numbers of this moment."""
        found = self.blocked(project, who, as_now)
        for limit in () if found else as_now:
            key = (project, limit.key)
            self._set(key, limits.granted(self.state(key), limit, who, self._now))
        return found

    def got(self, project: str, who: Wanting) -> list[str]:
        """The keys it holds though its own log does not say so: granted by who could not get the others for it."""
        return [
            limit.key
            for limit in who.limits
            if limit.key not in who.held and self.state((project, limit.key)).holds(who.execution_id)
        ]

    def blocked(self, project: str, who: Wanting, as_now: tuple[LimitPolicy, ...]) -> tuple[Blocked, ...]:
        """What keeps it from being admitted."""
        states = ((self.state((project, limit.key)), limit) for limit in as_now)
        return tuple(why for state, limit in states if (why := limits.blocked(state, limit, who, self._now)))

    def make_way(self, key: Key, who: Wanting) -> str | None:
        """The holder that is to be cancelled for `who`."""
        state, victim = limits.makes_way(self.state(key), who.execution_id)
        self._set(key, state)
        return victim

    def replace(self, key: Key, execution_id: str, at: datetime) -> str | None:
        """The waiting execution that is out of date now that this one is here: perhaps itself."""
        state, outdated = limits.replaced(self.state(key), execution_id, at)
        self._set(key, state)
        return outdated

    def _set(self, key: Key, state: KeyState) -> None:
        if state is not self.state(key):
            self.changed[key] = state
