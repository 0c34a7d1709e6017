"""Releases what is held by who has ended: a keeper that granted it on an older log may have died right then."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from onward.bus.limit_acts import Acts
from onward.bus.ports import LimitLog
from onward.contract.decide import Moment
from onward.contract.errors import Unavailable
from onward.contract.limits import Holder, KeyState

log = logging.getLogger("onward.limits")

_AUDITED = 200
"""Holders of one key that are looked at in one round."""
_FIRST = 0.1
"""The part of a pause before the first look: keepers that are killed again and again look around all the same."""


class Audit:
    """Looks at all keys, every so many seconds."""

    def __init__(
        self, keys: LimitLog, acts: Acts, moment: Callable[[], Moment], every: float,
        release: Callable[[KeyState, Holder], None],
    ) -> None:  # fmt: skip
        self._keys, self._acts, self._moment, self._every, self._release = keys, acts, moment, every, release
        self.leaks = 0

    async def run(self) -> None:
        """For ever."""
        pause = _FIRST * self._every
        while True:
            await asyncio.sleep(pause)
            pause = self._every
            try:
                for state in await self._keys.all():
                    await self._look_at(state)
            except Unavailable as error:
                log.info("limits are not audited: %s", error)

    async def _look_at(self, state: KeyState) -> None:
        before = self._moment().now - timedelta(seconds=self._every)
        old = [holder for holder in state.holders if holder.since < before]
        for holder in old[:_AUDITED] if len(old) <= _AUDITED else random.sample(old, _AUDITED):
            if await self._acts.has_let_go(state, holder):
                log.warning("execution %s held %s after its end", holder.execution_id, state.key)
                self.leaks += 1
                self._release(state, holder)
