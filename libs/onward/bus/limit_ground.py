"""Whether LIMITS can be believed. A stream that was lost is empty, and an empty key would be granted once too often.

A mark in the stream says that it is complete. Where it is missing, nobody is admitted until the keys are rebuilt from
EVENTS. The sequences of a stream that is made anew begin above all older ones (topology), so a mark is never another's.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from onward.bus.ports import EventLog, LimitLog
from onward.contract import events as ev
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost
from onward.contract.limit_replay import Replay, Rules
from onward.contract.limits import COMPLETE, MARK, KeyState, mark

log = logging.getLogger("onward.limits")

SETTLE = 10.0
"""Seconds in which an admission that is on its way when the keys are lost is stored, or has failed; and each replica
of EVENTS tells of it."""
_BEGUN = "begun"
_PAGE = 1000
# Most events concern no limit and are not worth decoding: their JSON is ours, so it is written without spaces.
_CONCERNS = (b'"limits":[', b'"grants":{', b'"gives_back":[')
_CARRIED = b'{"type":"carried"'


class Ground:
    """What all decisions of one keeper stand on."""

    def __init__(self, events: EventLog, keys: LimitLog, moment: Callable[[], Moment], rules: Rules) -> None:
        self._events, self._keys, self._moment, self._rules = events, keys, moment, rules
        self._mark = 0
        self.rebuilt = 0

    async def stand(self) -> bool:
        """Whether it is other ground than before: nothing that was read counts. Raises Unavailable."""
        if self._mark:
            return False
        while not (found := await self._complete()):
            await self._rebuild()
        self._mark = found
        return True

    async def holds(self) -> bool:
        """Whether the stream is still the one that was stood on. Raises Unavailable."""
        if await self._complete() != self._mark:
            self._mark = 0
        return self._mark != 0

    async def _complete(self) -> int:
        found, sequence = await self._keys.read(*MARK)
        return sequence if found.newest == COMPLETE else 0

    async def _rebuild(self) -> None:
        """One try; it fails where the stream is lost meanwhile, or somebody else is faster."""
        _, begun = await self._keys.read(*MARK)
        begun = begun or await self._set_mark(_BEGUN, 0)
        replay = Replay(self._rules)
        after = await self._replayed(replay, 0)
        if replay.anything:
            log.warning(
                "the keys of limits are lost, and are rebuilt from EVENTS: nobody is admitted meanwhile"
            )
            await asyncio.sleep(SETTLE)
            await self._replayed(replay, after)
        states = replay.states()
        for known in await self._keys.all():
            # What was granted before the keys were complete was granted for nothing: nobody was admitted on it.
            states.setdefault((known.project, known.key), KeyState(project=known.project, key=known.key))
        states.pop(MARK, None)
        if begun and all([await self._put(state, begun) for state in states.values()]):
            self.rebuilt += await self._set_mark(COMPLETE, begun) > 0

    async def _set_mark(self, text: str, expected: int) -> int:
        now = self._moment().now
        try:
            return await self._keys.append(mark(text, now), expected, now)
        except FenceLost:
            return 0

    async def _replayed(self, replay: Replay, after: int) -> int:
        """The sequence up to which EVENTS was heard."""
        while page := await self._events.scan(after, _PAGE):
            for raw in page:
                if raw.data.startswith(_CARRIED) or any(name in raw.data for name in _CONCERNS):
                    _hear(replay, raw.data)
            after = page[-1].sequence
        return after

    async def _put(self, state: KeyState, begun: int) -> bool:
        """Write one key, whatever it says; False: the stream is complete by now, or another one."""
        while True:
            found, sequence = await self._keys.read(state.project, state.key)
            if (await self._keys.read(*MARK))[1] != begun:
                return False
            if found == state or (sequence == 0 and state.empty(self._moment().now)):
                return True
            try:
                await self._keys.append(state, sequence, self._moment().now)
            except FenceLost:
                continue
            return True


def _hear(replay: Replay, data: bytes) -> None:
    try:
        replay.hear(ev.decode(data))
    except msgspec.MsgspecError:
        log.warning("an event cannot be read, and is left out")
