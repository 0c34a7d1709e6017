"""Appending to EVENTS: fenced, indivisible, many decisions for one fsync, and no outcome left unknown (PROTOCOL A1-A6).

Decisions that come while others are on their way wait a moment and leave together as one atomic batch.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from onward.bus.api import (
    NO_ROOM,
    NOTHING_STORED,
    WRONG_SEQUENCE,
    WRONG_SEQUENCE_IN_FLIGHT,
    Problem,
    ack_decoder,
)
from onward.bus.connection import Connection, NotConnected
from onward.bus.read import Reader
from onward.bus.units import Unit, send, unit_of
from onward.bus.wire import NO_RESPONDERS, Reply
from onward.bus.worth import Worth
from onward.contract.errors import BrokenLog, FenceLost, StoreFull, Unavailable
from onward.contract.log import Decision, Stored

DEADLINE = 5.0
"""Seconds in which an outcome is found out, or given up as unknown."""
PATIENCE = 1.0
"""Seconds that a decision not yet sent waits for the connection."""
ANSWER = 2.5
MOST_MEMBERS = 400
MOST_BYTES = 2 * 1024**2
MOST_OPEN = 2
SINGLY = 32
"""A refused batch of up to so many is sent one by one: that costs less than finding those who lose by halves, and where
many race for the same executions, halves are refused again and again."""
FENCE = frozenset({WRONG_SEQUENCE, WRONG_SEQUENCE_IN_FLIGHT})


class Group(msgspec.Struct, eq=False):
    """Decisions of different executions that travel together."""

    units: list[Unit]
    tries: int = 0
    sent_at: float = 0.0

    @property
    def single(self) -> bool:
        """Whether it is one event, sent as a plain publish."""
        return len(self.units) == 1 and len(self.units[0].members) == 1

    def halves(self) -> "list[Group]":
        """Two groups of half the decisions."""
        middle = len(self.units) // 2
        return [Group(self.units[:middle], self.tries), Group(self.units[middle:], self.tries)]


class Events(Reader):
    """EVENTS over NATS: ports.EventLog."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._loop = asyncio.get_running_loop()
        self._fresh: deque[Unit] = deque()
        self._again: deque[Group] = deque()
        self._busy: dict[str, list[Unit]] = {}
        self._singles = self._batches = 0
        self._worth = Worth()
        self._alone: Group | None = None
        """What was sent last, where nothing else was on its way: its time says what it costs."""
        self._pumping = False
        self._tasks: dict[asyncio.Task[None], Group] = {}
        self._closed = False

    async def append(self, decision: Decision) -> int:
        """See ports.EventLog.append."""
        if self._closed:
            raise NotConnected("the bus is closed")
        deadline = time.monotonic() + DEADLINE
        outcome: asyncio.Future[int] = self._loop.create_future()
        unit = unit_of(decision, self._connection.max_payload, outcome, deadline)
        behind = self._busy.get(decision.execution_id)
        if behind is not None:
            # PROTOCOL A3: it waits for the outcome of the one before.
            behind.append(unit)
        else:
            self._busy[decision.execution_id] = []
            self._fresh.append(unit)
            self._soon()
        return await outcome

    # Choosing what travels together
    def _soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        self._choose()
        self._connection.client.write_now()

    def _choose(self) -> None:
        while self._again and self._batches < MOST_OPEN:
            self._send(self._again.popleft())
        while self._fresh and self._batches < MOST_OPEN:
            few = self._singles + len(self._fresh) <= self._worth.few
            if few and not self._batches and all(len(unit.members) == 1 for unit in self._fresh):
                self._send(Group([self._fresh.popleft()]))
            elif len(self._fresh) > self._worth.few or not (self._singles or self._batches):
                self._send(self._next_group())
            else:
                break

    def _next_group(self) -> Group:
        unit = self._fresh.popleft()
        units, members, size = [unit], len(unit.members), unit.size
        while self._fresh:
            unit = self._fresh[0]
            members, size = members + len(unit.members), size + unit.size
            if members > MOST_MEMBERS or size > MOST_BYTES:
                break
            units.append(self._fresh.popleft())
        return Group(units)

    def _send(self, group: Group) -> None:
        if self._closed:
            self._retry(group, NotConnected("the bus is closed"))
            return
        if not self._connection.connected:
            self._spawn(group, self._send_later(group))
            return
        left = min(unit.deadline for unit in group.units) - time.monotonic()
        timeout = max(0.1, min(ANSWER, left))
        reply = self._connection.call_with_answer(timeout, lambda outcome: self._answered(group, outcome))
        self._alone = None if self._singles or self._batches else group
        group.sent_at = time.monotonic()
        if group.single:
            self._singles += 1
        else:
            self._batches += 1
        send(self._connection, group.units, reply)

    # What became of it
    def _answered(self, group: Group, outcome: Reply | Unavailable) -> None:
        if group.single:
            self._singles -= 1
        else:
            self._batches -= 1
        self._soon()
        if isinstance(outcome, Unavailable):
            for unit in group.units:
                unit.unknown = True
            self._retry(group, outcome)
            return
        if outcome.status == NO_RESPONDERS:
            self._retry(
                group, Unavailable("EVENTS does not answer: no stream, or no leader yet", retry_after=1)
            )
            return
        ack = ack_decoder.decode(outcome.data)
        if ack.error is None:
            if group is self._alone:
                took = time.monotonic() - group.sent_at
                self._worth.took(took, sum(len(unit.members) for unit in group.units))
            self._stored(group, ack.seq)
        else:
            self._refused(group, ack.error)

    def _stored(self, group: Group, last_sequence: int) -> None:
        for unit in reversed(group.units):
            self._ended(unit, sequence=last_sequence)
            last_sequence -= len(unit.members)

    def _refused(self, group: Group, problem: Problem) -> None:
        code, alone = problem.err_code, len(group.units) == 1
        if code in FENCE and any(unit.unknown for unit in group.units):
            self._spawn(group, self._compare(group, problem))
        elif code in FENCE and alone:
            self._ended(group.units[0], error=FenceLost(problem.description, floor=floor_in(problem)))
        elif code in NO_ROOM and alone:
            self._ended(group.units[0], error=StoreFull(problem.description, retry_after=30))
        elif (code in FENCE or code in NO_ROOM) and len(group.units) > SINGLY:
            self._again.extendleft(reversed(group.halves()))
        elif (code in FENCE or code in NO_ROOM or code in NOTHING_STORED) and not alone:
            self._again.extendleft(Group([unit]) for unit in reversed(group.units))
        else:
            self._retry(group, Unavailable(f"EVENTS: {problem.description}", retry_after=1))

    async def _compare(self, group: Group, problem: Problem) -> None:
        """Find out whether what is refused now was stored before (PROTOCOL A5)."""
        first, alone = group.units[0], len(group.units) == 1
        floor = floor_in(problem) if alone else 0
        try:
            after = await self._after(first.decision, floor)
        except (Unavailable, BrokenLog) as error:
            self._retry(group, error)
            return
        if after and after[0].event.id == first.decision.events[0].id:
            # They were sent as one before, so what is true of the first is true of all.
            self._stored(group, after[0].sequence - 1 + sum(len(unit.members) for unit in group.units))
        elif not alone:
            self._again.extendleft(reversed(group.halves()))
            self._soon()
        elif problem.err_code == WRONG_SEQUENCE:
            self._ended(first, error=FenceLost(problem.description, floor=floor))
        else:
            self._retry(group, FenceLost(problem.description))

    async def _after(self, decision: Decision, floor: int) -> list[Stored]:
        """What stands behind the event this decision was made after, all of it up to `floor`."""
        ordinal = decision.events[0].n

        def unbroken(found: Sequence[Stored]) -> bool:
            return all(stored.event.n == ordinal + place for place, stored in enumerate(found))

        routes = {route for event in decision.events for route in event.routes}
        return await self.tail(
            decision.project,
            decision.execution_id,
            routes,
            after=decision.expected,
            floor=floor,
            good=unbroken,
        )

    def _retry(self, group: Group, error: BaseException) -> None:
        """Send it again in a moment, without those whose time is over."""
        now = time.monotonic()
        runs: list[list[Unit]] = [[]]
        for unit in group.units:
            if unit.deadline > now and not self._closed:
                runs[-1].append(unit)
                continue
            self._ended(unit, error=_unknown() if unit.unknown else error)
            # What stays together was neighbours in its batch: `_compare` counts on that.
            runs.append([])
        for run in runs:
            if run:
                again = Group(run, group.tries + 1)
                self._spawn(again, self._send_later(again))

    async def _send_later(self, group: Group) -> None:
        await asyncio.sleep(random.uniform(0.0, min(0.3, 0.005 * 2**group.tries)))
        sent = any(unit.unknown for unit in group.units)
        since = group.units[0].deadline - DEADLINE
        wait = since + (DEADLINE if sent else PATIENCE) - time.monotonic()
        if await self._connection.wait_connected(max(0.0, wait)):
            self._again.append(group)
            self._soon()
            return
        for unit in group.units:
            self._ended(unit, error=_unknown() if unit.unknown else NotConnected(retry_after=1))

    def _ended(self, unit: Unit, *, sequence: int = 0, error: BaseException | None = None) -> None:
        if not unit.outcome.done():
            if error is None:
                unit.outcome.set_result(sequence)
            else:
                unit.outcome.set_exception(error)
        execution_id = unit.decision.execution_id
        behind = self._busy[execution_id]
        while behind:
            following = behind.pop(0)
            if sequence > following.decision.expected:
                # It was decided before the one just stored, and can only lose.
                if not following.outcome.done():
                    following.outcome.set_exception(FenceLost(floor=sequence))
                continue
            self._fresh.append(following)
            self._soon()
            return
        del self._busy[execution_id]

    def _spawn(self, group: Group, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = group
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def close(self) -> None:
        """Give up what is still on its way: each append fails, those that were sent with an unknown outcome."""
        self._closed = True
        waiting = [*self._again, *(Group([unit]) for unit in self._fresh), *self._tasks.values()]
        for task in list(self._tasks):
            task.cancel()
        self._again.clear()
        self._fresh.clear()
        for group in waiting:
            self._retry(group, NotConnected("the bus is closed"))


def _unknown() -> Unavailable:
    return Unavailable("nobody knows whether it is stored", retry_after=1)


def floor_in(problem: Problem) -> int:
    """The sequence that a refused fence names: the last of its log."""
    last = problem.description.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
