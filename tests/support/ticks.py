"""TICKS in memory."""

import msgspec

from onward.bus.ports import Raw
from onward.bus.ticks import state_of
from onward.contract import subjects
from onward.contract.errors import FenceLost


class MemoryTicks:
    """ports.Ticks without a server."""

    def __init__(self):
        self.raws = []

    def _last(self, subject):
        return next((raw for raw in reversed(self.raws) if raw.subject == subject), None)

    async def last(self, project, name):
        return state_of(self._last(subjects.tick(project, name)))

    async def put(self, project, name, state, expected):
        subject = subjects.tick(project, name)
        newest = self._last(subject)
        if (newest.sequence if newest else 0) != expected:
            raise FenceLost("somebody was faster", floor=newest.sequence if newest else 0)
        self.raws.append(Raw(len(self.raws) + 1, subject, msgspec.json.encode(state)))
        return len(self.raws)

    async def after(self, sequence, most=500):
        return self.raws[sequence : sequence + most]

    async def end(self):
        return len(self.raws)

    async def incarnation(self):
        return "first"
