"""Who waits for limits: one line a key, by priority and then by age. WORK has it for good, this is a copy."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

import msgspec

from onward.contract.decide import Hint
from onward.contract.limit_round import Key
from onward.contract.limits import Blocked, Wanting
from onward.contract.log import Log

_Place = tuple[int, object, str]


class Waiter(msgspec.Struct, eq=False, kw_only=True):
    """An execution at the gate: its log without its events and values, and the hints that are acked at the end."""

    log: Log
    hints: dict[int, Hint]
    who: Wanting
    fired: int | None
    blocked: tuple[Blocked, ...] = ()
    new: bool = True
    gives_back: bool = False

    @property
    def id(self) -> str:
        """Its execution."""
        return self.who.execution_id

    @property
    def project(self) -> str:
        """Where it lives."""
        return self.log.execution.project

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys it wants."""
        return tuple((self.project, limit.key) for limit in self.who.limits)


class Lines:
    """All that wait, in the lines of their keys."""

    def __init__(self) -> None:
        self.waiting: dict[str, Waiter] = {}
        self.new: dict[str, Waiter] = {}
        """Those that no round has looked at yet."""
        self._lines: dict[Key, list[_Place]] = {}

    def add(self, waiter: Waiter) -> None:
        """To its place in each line."""
        self.waiting[waiter.id] = waiter
        if waiter.new:
            self.new[waiter.id] = waiter
        for key in waiter.keys:
            insort(self._lines.setdefault(key, []), waiter.who.place)

    def remove(self, execution_id: str) -> Waiter | None:
        """Out of all lines."""
        waiter = self.waiting.pop(execution_id, None)
        self.new.pop(execution_id, None)
        if waiter is None:
            return None
        for key in waiter.keys:
            line, place = self._lines[key], waiter.who.place
            at = bisect_left(line, place)
            if at < len(line) and line[at] == place:
                del line[at]
            if not line:
                del self._lines[key]
        return waiter

    def is_known(self, waiter: Waiter) -> None:
        """A round has looked at it."""
        waiter.new = False
        self.new.pop(waiter.id, None)

    def of(self, key: Key) -> Iterator[Waiter]:
        """Who waits for this key, the first one first."""
        for place in tuple(self._lines.get(key, ())):
            if (waiter := self.waiting.get(place[2])) is not None:
                yield waiter

    def these(self, ids: Iterable[str]) -> list[Waiter]:
        """Those of these executions that wait."""
        return [self.waiting[id] for id in ids if id in self.waiting]

    def keys(self) -> list[Key]:
        """The keys that somebody waits for."""
        return list(self._lines)

    def place_of(self, key: Key, waiter: Waiter) -> int:
        """How many are ahead in the line of a key."""
        return bisect_left(self._lines.get(key, []), waiter.who.place)

    def __contains__(self, key: object) -> bool:
        return key in self._lines
