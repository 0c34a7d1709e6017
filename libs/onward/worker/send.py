"""An event from one execution to another: read its log, decide, append, and tell whoever runs it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec

from onward.bus.ports import EventLog
from onward.contract import commands
from onward.contract.decide import Moment
from onward.contract.errors import FenceLost, NotFound, Unavailable
from onward.contract.log import Decision, Log
from onward.worker.large import FIRST_PAUSE, PATIENCE

SENDING = "onward.send_event"
"""The name of the step that sends."""
Send = Callable[[str, str, msgspec.Raw, str], Awaitable[None]]
"""Sends to an execution an event of a name, with a value and the sender's key."""
SETTLED = 2.5
"""Seconds after which a log that was accepted can be read anywhere (PROTOCOL V1)."""
LOOK_AGAIN = 0.05


class Sender:
    """Sends events to the executions of one project."""

    def __init__(
        self,
        events: EventLog,
        project: str,
        moment: Callable[[], Moment],
        nudge: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._events, self._project, self._moment, self._nudge = events, project, moment, nudge

    async def send(self, execution_id: str, name: str, value: msgspec.Raw, key: str) -> None:
        """Raises NotFound, AlreadyEnded, Conflict; Unavailable when the store does not answer for PATIENCE.

        Tried again after an append whose outcome nobody knows: the receiver knows it by its key.
        """
        loop = asyncio.get_running_loop()
        patience, pause = loop.time() + PATIENCE, FIRST_PAUSE
        while True:
            try:
                if await self._try(await self._find(execution_id), name, value, key):
                    return
                await asyncio.sleep(random.uniform(0, 0.001))
            except Unavailable:
                if loop.time() > patience:
                    raise
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)

    async def _try(self, log: Log, name: str, value: msgspec.Raw, key: str) -> bool:
        events = commands.receive(log.execution, self._moment(), name=name, value=value, key=key)
        if not events:
            return True
        receiver = log.execution.id
        decision = Decision(
            project=self._project, execution_id=receiver, expected=log.sequence, events=events
        )
        try:
            await self._events.append(decision)
        except FenceLost:
            return False
        await self._nudge(self._project, receiver)
        return True

    async def _find(self, execution_id: str) -> Log:
        end = asyncio.get_running_loop().time() + SETTLED
        while (log := await self._events.read(self._project, execution_id)) is None:
            if asyncio.get_running_loop().time() > end:
                raise NotFound(
                    f"no open execution {execution_id}",
                    fix="it never was, or ended longer ago than the horizon",
                )
            await asyncio.sleep(LOOK_AGAIN)
        return log
