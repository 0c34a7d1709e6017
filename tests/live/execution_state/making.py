"""Executions put into a real EVENTS, and signals to wait for."""

import asyncio

from onward.contract import subjects
from onward.contract.log import Decision

DEADLINE = 40.0


async def append(bus, walk, *, done=0, expected=0):
    """Appends a walk's events from the `done`-th on as one decision; the sequence of the last."""
    return await bus.events.append(
        Decision(
            project=walk.state.project,
            execution_id=walk.state.id,
            expected=expected,
            events=tuple(walk.events[done:]),
        )
    )


async def until(condition, *, within=DEADLINE, every=0.02):
    """Waits until `condition()` is true, or its awaitable gives something true; that value."""
    async with asyncio.timeout(within):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(every)


class Heard:
    """What came on a subject."""

    def __init__(self):
        self.all = []

    @classmethod
    async def on(cls, bus, subject):
        """Listens from now on."""
        heard = cls()

        async def hear(subject, data):
            heard.all.append((subject, data))

        await bus.messages.subscribe(subject, hear)
        return heard

    async def until(self, count, *, within=DEADLINE):
        """Waits for that many."""
        await until(lambda: len(self.all) >= count, within=within)
        return self.all


def hint_subject(walk):
    """Where the hint of this execution stands in WORK."""
    return subjects.hint(walk.state.project, walk.state.route, walk.state.id)
