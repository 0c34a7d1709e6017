"""Looks at every schedule, twice a second, in every replica: who stores a decision first has made it.

A tick is decided by a fenced message in TICKS, and then submitted under an id that is its own. Who dies in between
leaves the tick `open`: the others submit it a moment later, and a second time changes nothing.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from onward.bus.ports import EventLog, Ticks
from onward.bus.ticks import state_of
from onward.contract import subjects
from onward.contract.errors import FenceLost, Unavailable
from onward.contract.schedules import Firing, ScheduleSpec, ScheduleState
from onward.process.loop import MORE, MoreToDo
from onward.process.metrics import Metrics
from onward.schedules import deciding
from onward.schedules.deciding import Busy
from onward_execution_state.scheduling.submitting import Gateways

log = logging.getLogger(__name__)

KIND = "schedule"
ADOPT_AFTER = timedelta(seconds=1)
"""What another replica has decided and not submitted for so long is submitted here: twice is as good as once."""
_MAY_BE_UNSEEN = timedelta(seconds=5)
_NEVER = datetime.max.replace(tzinfo=UTC)
_AT_ONCE = 20
_TRIES = 5
Key = tuple[str, str]


class Seen(msgspec.Struct, frozen=True):
    """The newest message of a schedule, and when it was first seen here."""

    state: ScheduleState | None
    sequence: int
    at: datetime


class Scheduler:
    """The loop's work in one replica."""

    def __init__(self, ticks: Ticks, events: EventLog, gateways: Gateways, metrics: Metrics) -> None:
        self._ticks, self._events, self._gateways = ticks, events, gateways
        self._specs: dict[Key, ScheduleSpec] = {}
        self._seen: dict[Key, Seen] = {}
        self._due: dict[Key, tuple[ScheduleSpec, int, datetime]] = {}
        self._read_to: int | None = None
        self._count = metrics.counter("onward_schedule_ticks_total", "Ticks of schedules.", ("outcome",))
        self._late = metrics.histogram("onward_schedule_late_seconds", "From a tick to its execution.")

    def hear(self, project: str, kind: str, name: str, data: bytes | None, sequence: int) -> None:
        """A schedule was made, changed or deleted."""
        del sequence
        if kind != KIND:
            return
        self._specs.pop((project, name), None)
        if data is None:
            return
        try:
            self._specs[project, name] = msgspec.json.decode(data, type=ScheduleSpec)
        except msgspec.MsgspecError as error:
            log.warning("schedule %s of %s cannot be read, and does not fire: %s", name, project, error)

    async def run_once(self, now: datetime) -> MoreToDo | None:
        """Looks at all of them."""
        if not self._specs:
            return None
        try:
            await self._catch_up(now)
        except Unavailable as error:
            log.info("TICKS cannot be read just now: %s", error)
            return None
        stored = await asyncio.gather(*(self._look(key, spec, now) for key, spec in [*self._specs.items()]))
        return MORE if any(stored) else None

    async def _catch_up(self, now: datetime) -> None:
        """Hears what other replicas have stored."""
        if self._read_to is None:
            # Each schedule's newest message is read when it is looked at: what follows is enough.
            self._read_to = await self._ticks.end()
        while found := await self._ticks.after(self._read_to):
            for raw in found:
                self._read_to = raw.sequence
                self._note(subjects.tick_owner(raw.subject), *state_of(raw), now)

    def _note(self, key: Key, state: ScheduleState | None, sequence: int, now: datetime) -> None:
        seen = self._seen.get(key)
        if seen is None or sequence > seen.sequence:
            self._seen[key] = Seen(state, sequence, now)

    async def _look(self, key: Key, spec: ScheduleSpec, now: datetime) -> bool:
        """Whether something was decided."""
        try:
            if key not in self._seen:
                self._note(key, *await self._ticks.last(*key), now)
            seen = self._seen[key]
            if seen.state is not None and seen.state.open and now - seen.at >= ADOPT_AFTER:
                await self._submit(key, spec, now)
                seen = self._seen[key]
            return self._due_at(key, spec, seen, now) <= now and await self._decide(key, spec, seen, now)
        except FenceLost:
            self._seen.pop(key, None)
        except Unavailable as error:
            log.info("schedule %s of %s waits: %s", key[1], key[0], error)
        except Exception:
            # One that is broken must not keep the others from firing.
            log.exception("schedule %s of %s could not be looked at", key[1], key[0])
        return False

    def _due_at(self, key: Key, spec: ScheduleSpec, seen: Seen, now: datetime) -> datetime:
        """When there is something to decide, found out once for each state that it is in."""
        known = self._due.get(key)
        if known is None or known[0] is not spec or known[1] != seen.sequence or known[2] <= now:
            due = deciding.look_at(spec, deciding.current(spec, seen.state, now))
            known = self._due[key] = (spec, seen.sequence, due or _NEVER)
        return known[2]

    async def _decide(self, key: Key, spec: ScheduleSpec, seen: Seen, now: datetime) -> bool:
        state = deciding.current(spec, seen.state, now)
        busy = Busy(await self._running(key[0], state, now) if spec.overlap != "allow" else ())
        after = deciding.decide(spec, state, busy, key[0], now)
        if after == state:
            return False
        sequence = await self._ticks.put(*key, after, seen.sequence)
        self._note(key, after, sequence, now)
        for row in after.rows:
            self._count.add(row.count, outcome=row.outcome)
        await self._submit(key, spec, now)
        return True

    async def _running(self, project: str, state: ScheduleState, now: datetime) -> tuple[str, ...]:
        """Those of its executions that have not ended."""
        logs = await asyncio.gather(*(self._events.read(project, one) for one in state.active))
        # One that was submitted a moment ago may not be seen everywhere yet.
        fresh = now - state.position < _MAY_BE_UNSEEN
        return tuple(
            one
            for one, found in zip(state.active, logs, strict=True)
            if (fresh if found is None else not found.execution.final)
        )

    async def _submit(self, key: Key, spec: ScheduleSpec, now: datetime) -> None:
        """Submits what is open, and notes what became of it."""
        state = self._seen[key].state
        if state is None or not state.open:
            return
        replaced = [one for one in state.open if one.execution_id in state.replaced]
        became = await self._all(key, spec, replaced)
        for execution_id in state.replaced:
            if not await self._gateways.cancel(key[0], spec, execution_id):
                return
        became |= await self._all(key, spec, [one for one in state.open if one not in replaced])
        if became:
            await self._settle(key, became, now)
        for firing in state.open:
            if firing.execution_id in became and firing.cause == "time":
                self._late.observe(max(0.0, (now - firing.tick).total_seconds()))

    async def _all(self, key: Key, spec: ScheduleSpec, firings: Iterable[Firing]) -> dict[str, str | None]:
        """Why each was refused, None for what is stored; those of which nobody knows are left out."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(firing: Firing) -> tuple[str, str | None] | None:
            async with gate:
                reply = await self._gateways.submit(key[0], spec, firing)
            if reply is None:
                return None
            why = None if reply.problem is None else f"{reply.problem.code}: {reply.problem.message}"
            return firing.execution_id, why

        return dict(filter(None, await asyncio.gather(*map(one, firings))))

    async def _settle(self, key: Key, became: dict[str, str | None], now: datetime) -> None:
        for _ in range(_TRIES):
            seen = self._seen[key]
            state = seen.state
            mine = [one for one in state.open if one.execution_id in became] if state else []
            if state is None or not mine:
                return
            after = msgspec.structs.replace(state, rows=())
            for firing in mine:
                after = deciding.settled(after, firing, became[firing.execution_id], now)
            try:
                sequence = await self._ticks.put(*key, after, seen.sequence)
            except FenceLost:
                self._note(key, *await self._ticks.last(*key), now)
                continue
            self._note(key, after, sequence, now)
            for row in after.rows:
                self._count.add(outcome=row.outcome)
            return
