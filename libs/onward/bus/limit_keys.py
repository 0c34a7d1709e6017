"""The keys as a keeper last saw them; what is stored tells whether that was the newest."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Collection, Container, Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from onward.bus.ports import LimitLog
from onward.contract.errors import FenceLost
from onward.contract.limit_round import Key
from onward.contract.limits import KeyState

REMEMBERED = 10_000
T = TypeVar("T")
_AT_ONCE = 64


async def together(acts: Iterable[Awaitable[T]]) -> list[T]:
    """What all of these come to; raises what the first of them raised, when all have ended."""
    results: list[T] = []
    for result in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results


class Keys:
    """A copy of each key that is of interest, with the sequence to append after."""

    def __init__(self, log: LimitLog) -> None:
        self._log = log
        self._known: OrderedDict[Key, tuple[KeyState, int]] = OrderedDict()
        self._states: dict[Key, KeyState] = {}
        self._stale: set[Key] = set()
        self._few = asyncio.Semaphore(_AT_ONCE)
        self.appended = 0

    @property
    def states(self) -> Mapping[Key, KeyState]:
        """All that are known; a round that decides on them ends before anything else changes them."""
        return self._states

    def sequence(self, key: Key) -> int:
        """Where the key stands: an epoch for whoever was granted it by now."""
        return self._known[key][1]

    def holds(self, key: Key, execution_id: str) -> bool:
        """Whether the key, as it was last seen, is held by this execution."""
        known = self._known.get(key)
        return known is not None and known[0].holds(execution_id)

    def doubt(self, key: Key) -> None:
        """Read it again before the next decision: doing nothing needs the newest state (PROTOCOL V1)."""
        self._stale.add(key)

    def forget(self) -> None:
        """Nothing that was read counts any more."""
        self._known.clear()
        self._states.clear()
        self._stale.clear()

    async def load(self, keys: Collection[Key], kept: Container[Key]) -> None:
        """See to it that these are known; others that are not `kept` may be forgotten. Raises Unavailable."""
        missing = [key for key in keys if key not in self._known or key in self._stale]
        for key, found in zip(missing, await together(map(self._read, missing)), strict=True):
            self._known[key] = found
            self._states[key] = found[0]
            self._stale.discard(key)
        for key in list(self._known) if len(self._known) > REMEMBERED else ():
            if key not in kept and key not in keys:
                del self._known[key], self._states[key]
                self._stale.discard(key)

    async def store(self, changed: Mapping[Key, KeyState], now: datetime) -> set[Key]:
        """Append these; the keys that are stored. The others have moved on, or are in doubt."""
        done = await together(self._append(key, state, now) for key, state in changed.items())
        return {key for key, stored in zip(changed, done, strict=True) if stored}

    async def _read(self, key: Key) -> tuple[KeyState, int]:
        async with self._few:
            return await self._log.read(*key)

    async def _append(self, key: Key, state: KeyState, now: datetime) -> bool:
        try:
            sequence = await self._log.append(state, self._known[key][1], now)
        except FenceLost:
            self._stale.add(key)
            return False
        except BaseException:
            self._stale.add(key)
            raise
        self._known[key] = state, sequence
        self._states[key] = state
        self.appended += 1
        return True
