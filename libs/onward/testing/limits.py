"""LIMITS in memory: the newest state of each key, fenced; and the limit keeper that works on it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from onward.bus.limit_keeper import LimitKeeper
from onward.contract import subjects
from onward.contract.errors import FenceLost, Unavailable
from onward.contract.limit import LimitPolicy
from onward.contract.limit_round import Key
from onward.contract.limits import COMPLETE, KeyState, mark
from onward.contract.log import Stored
from onward.testing.connection import Connection, Unanswered
from onward.testing.work import MemoryHints, WorkQueue

LOOK_EVERY = 5.0
FOR_EVER = float("inf")


class LimitStream:
    """The last state of each key, under its sequence."""

    def __init__(self) -> None:
        self.last = 0
        self.kept: dict[Key, tuple[KeyState, int]] = {}
        self.refused = 0
        # Complete from the beginning, as there are no executions yet.
        self.append(mark(COMPLETE, datetime.fromtimestamp(0, UTC)), 0)

    def lose(self) -> None:
        """Deleted and made again: it is empty, and its sequences go on above the older ones."""
        self.kept.clear()

    def append(self, state: KeyState, expected: int) -> int:
        """Raises FenceLost."""
        key = (state.project, state.key)
        found = self.kept.get(key, (state, 0))[1]
        if found != expected:
            self.refused += 1
            raise FenceLost(f"expected {expected}, found {found}", floor=found)
        self.last += 1
        self.kept[key] = state, self.last
        return self.last


class MemoryLimits:
    """Implements onward.bus.ports.LimitLog."""

    def __init__(self, stream: LimitStream, connection: Connection) -> None:
        self._stream, self._connection = stream, connection

    async def read(self, project: str, key: str) -> tuple[KeyState, int]:
        """See LimitLog.read."""
        empty = (KeyState(project=project, key=key), 0)
        try:
            return await self._connection.call(lambda: self._stream.kept.get((project, key), empty))
        except Unanswered:
            raise Unavailable("no answer from the limits") from None

    async def all(self) -> list[KeyState]:
        """See LimitLog.all."""
        try:
            return await self._connection.call(lambda: [state for state, _ in self._stream.kept.values()])
        except Unanswered:
            raise Unavailable("no answer from the limits") from None

    async def append(self, state: KeyState, expected: int, now: datetime) -> int:  # noqa: ARG002
        """See LimitLog.append; nothing is forgotten here."""
        try:
            return await self._connection.call(lambda: self._stream.append(state, expected), later=True)
        except Unanswered:
            raise Unavailable("nobody knows whether it is stored") from None


class LimitKeeping:
    """The keeper of a bus: begins with the first execution that has limits, and can be killed."""

    def __init__(self, work: WorkQueue, process: Callable[[str], Any]) -> None:
        self._work, self._new_process = work, process
        self.stream = LimitStream()
        self.rules: dict[Key, LimitPolicy | None] = {}
        """What an operator says about a key, in place of what executions say."""
        self.process: Connection | None = None
        self.keeper: LimitKeeper | None = None
        self._project = ""

    def hear(self, stored: Stored) -> None:
        """What the follower hands to the keeper; what could not be done is handed over again."""
        if self.process is None:
            self._project = stored.event.project
            self.start()
        keeper = self.keeper
        done = None if keeper is None else keeper.take(stored.event)
        if done is not None:
            self._until_done(stored, keeper, done)

    def _until_done(self, stored: Stored, keeper: LimitKeeper | None, done: "asyncio.Future[Any]") -> None:
        def look() -> None:
            if keeper is not self.keeper:
                self.hear(stored)  # it was not acked by a follower that has died with its keeper
            elif not done.done():
                self._until_done(stored, keeper, done)

        asyncio.get_running_loop().call_later(1.0, look)

    def start(self) -> None:
        """A keeper in a process of its own: all that waits comes to it."""
        work, process = self._work, self._new_process("limit-keeper")
        for message in list(work.messages.values()):
            if message.route.startswith(f"{subjects.GATE}."):
                work.expire(message.sequence)
        self.process = process
        keeper = self.keeper = LimitKeeper(
            process.events, MemoryLimits(self.stream, process), process.messages, process.moment, process.run,
            rules=self._rule, look_every=LOOK_EVERY if work.ack_wait < FOR_EVER else FOR_EVER,
        )  # fmt: skip
        hints = MemoryHints(work, process, self._project, (subjects.GATE,))
        _ = process.run(keeper.run(hints, work.ack_wait / 3))

    def kill(self) -> None:
        """SIGKILL, and a new one in its place."""
        if self.process is not None:
            self.process.kill()
            self.start()

    def _rule(self, project: str, limit: LimitPolicy) -> LimitPolicy | None:
        return self.rules.get((project, limit.key), limit)


def concerns_limits(stored: Stored) -> bool:
    """Whether the keeper has anything to do with such an event."""
    event = stored.event
    waits = event.wake is not None and event.wake.startswith(f"{subjects.GATE}.")
    return waits or bool(getattr(event, "gives_back", ())) or bool(getattr(event, "limits", ()))
