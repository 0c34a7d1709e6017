"""What a look at a schedule decides: which ticks fire, which do not, and why. Pure.

Whoever stores the decision under the fence has decided: each tick lies behind the position of one message only.
"""

from datetime import datetime, timedelta
from itertools import takewhile

import msgspec

from onward.contract.ids import tick_id
from onward.contract.schedules import Backfill, Cause, Firing, Outcome, ScheduleSpec, ScheduleState, TickRow
from onward.schedules import timing

LATE = timedelta(seconds=30)
"""A tick that is later than this was missed: nobody was there to fire it."""
MOST_LOOKED_AT = 5000
MOST_OPEN = 100
MOST_ROWS = 100
PAUSED_LOOK = timedelta(minutes=1)
"""A paused schedule notes the ticks of so long a time together."""


class Busy(msgspec.Struct, frozen=True):
    """The executions of earlier ticks that have not ended."""

    ids: tuple[str, ...] = ()


def begin(spec: ScheduleSpec, now: datetime) -> ScheduleState:
    """A schedule at which nobody has looked yet."""
    return ScheduleState(uid=spec.uid, position=spec.since or now, at=now)


def current(spec: ScheduleSpec, stored: ScheduleState | None, now: datetime) -> ScheduleState:
    """Where the schedule is, before a decision: without the rows of the last one."""
    if stored is None or stored.uid != spec.uid:
        return begin(spec, now)
    position = max(stored.position, spec.since) if spec.since is not None else stored.position
    return msgspec.structs.replace(stored, position=position, rows=(), at=now)


def look_at(spec: ScheduleSpec, state: ScheduleState) -> datetime | None:
    """When there is something to decide; None: never, as things are."""
    if state.waiting or state.backfills:
        return state.at
    if _over(spec, state):
        return None
    tick = timing.following(spec, state.position)
    if tick is None:
        return None
    return tick + (PAUSED_LOOK if spec.paused else timing.delay(spec, tick))


def decide(
    spec: ScheduleSpec, state: ScheduleState, busy: Busy, project: str, now: datetime
) -> ScheduleState:
    """The state after all that is due at `now`; `state` is what `current` returned, and returned where nothing is."""
    after = _Deciding(spec, state, busy, project, now)
    after.by_time()
    after.from_waiting()
    after.backfill()
    return after.state()


def settled(state: ScheduleState, firing: Firing, refusal: str | None, now: datetime) -> ScheduleState:
    """The state once `firing` is known to be stored, or refused for good."""
    row = TickRow(
        tick=firing.tick, outcome="fired" if refusal is None else "refused", cause=firing.cause, reason=refusal,
        execution_id=firing.execution_id if refusal is None else None, by=firing.by,
    )  # fmt: skip
    still_open = tuple(one for one in state.open if one.execution_id != firing.execution_id)
    gone = () if refusal is None else (firing.execution_id,)
    return msgspec.structs.replace(
        state,
        at=now,
        open=still_open,
        replaced=state.replaced if still_open else (),
        active=tuple(one for one in state.active if one not in gone),
        rows=(*state.rows, row),
    )


def preview(spec: ScheduleSpec, after: datetime, until: datetime, most: int) -> int:
    """How many ticks lie after one time and up to another; at most `most`."""
    found = takewhile(lambda tick: tick <= until, timing.ticks(spec, after))
    return sum(1 for _, _ in zip(range(most), found, strict=False))


def _over(spec: ScheduleSpec, state: ScheduleState) -> bool:
    return spec.max_runs is not None and state.runs >= spec.max_runs


class _Deciding:
    """One decision in the making."""

    def __init__(
        self, spec: ScheduleSpec, state: ScheduleState, busy: Busy, project: str, now: datetime
    ) -> None:
        self._spec, self._before, self._project, self._now = spec, state, project, now
        self._position, self._runs = state.position, state.runs
        self._waiting, self._backfills = list(state.waiting), state.backfills
        self._busy = [
            *busy.ids,
            *(one.execution_id for one in state.open if one.execution_id not in busy.ids),
        ]
        self._fires: list[Firing] = []
        self._rows: list[TickRow] = []

    def state(self) -> ScheduleState:
        """What was decided."""
        fired = [one.execution_id for one in self._fires]
        replaces = self._spec.overlap == "replace" and bool(fired)
        active = dict.fromkeys([*([] if replaces else self._busy), *fired])
        return msgspec.structs.replace(
            self._before,
            position=self._position,
            runs=self._runs,
            waiting=tuple(self._waiting),
            backfills=self._backfills,
            open=(*self._before.open, *self._fires),
            active=() if self._spec.overlap == "allow" else tuple(active),
            replaced=(*self._before.replaced, *self._busy) if replaces else self._before.replaced,
            rows=tuple(self._rows),
        )

    def by_time(self) -> None:
        """The ticks whose time has come."""
        if _over(self._spec, self._before):
            return
        due, more = self._due()
        if self._spec.paused:
            self._pass_over(due, "skipped", _paused(self._spec))
        else:
            due, late, made_up = self._that_fit(due, more=more)
            lost = [tick for tick in late if tick not in made_up]
            self._pass_over(
                [tick for tick in lost if not self._within(tick)], "missed", _too_late(self._spec)
            )
            self._pass_over([tick for tick in lost if self._within(tick)], "missed", _not_wanted(self._spec))
            left = set(lost)
            self._fire_in_turn([tick for tick in due if tick not in left], set(late))
        if due:
            self._position = due[-1]

    def _due(self) -> tuple[list[datetime], bool]:
        """The ticks whose time has come, and whether there are more than these."""
        found: list[datetime] = []
        for tick in timing.ticks(self._spec, self._before.position):
            if self._fires_at(tick) > self._now:
                return found, False
            if len(found) == MOST_LOOKED_AT:
                return found, True
            found.append(tick)
        return found, False

    def _that_fit(
        self, due: list[datetime], *, more: bool
    ) -> tuple[list[datetime], list[datetime], set[datetime]]:
        """Of the due ticks those that this round has room for, the late ones of them, and which of those fire."""
        late = [tick for tick in due if tick < self._now - LATE - timedelta(seconds=self._spec.jitter)]
        made_up, are_late = self._made_up(late, more=more), set(late)
        fire = [tick for tick in due if tick in made_up or tick not in are_late]
        room = max(0, MOST_OPEN - len(self._before.open))
        if len(fire) > room:
            due = [tick for tick in due if tick < fire[room]]
            late = [tick for tick in late if tick < fire[room]]
        return due, late, made_up

    def _fires_at(self, tick: datetime) -> datetime:
        return tick + timing.delay(self._spec, tick)

    def _within(self, tick: datetime) -> bool:
        return tick >= self._now - timedelta(seconds=self._spec.window + self._spec.jitter)

    def _made_up(self, late: list[datetime], *, more: bool) -> set[datetime]:
        """Which of the late ticks fire all the same."""
        within = [tick for tick in late if self._within(tick)]
        match self._spec.missed:
            case "all":
                return set(within)
            case "last" if not more:
                return set(within[-1:])
        return set()

    def _fire_in_turn(self, due: list[datetime], late: set[datetime]) -> None:
        for place, tick in enumerate(due):
            if self._spec.max_runs is not None and self._runs >= self._spec.max_runs:
                return
            self._fire_or_not(tick, "catch_up" if tick in late else "time", last=place == len(due) - 1)

    def _fire_or_not(self, tick: datetime, cause: Cause, *, last: bool) -> None:
        match self._spec.overlap:
            case "skip" if self._busy or self._fires:
                self._row(tick, "skipped", f"execution {self._first_busy()} has not ended", cause)
            case "queue" if self._busy or self._fires or self._waiting:
                if len(self._waiting) < self._spec.most_waiting:
                    self._waiting.append(tick)
                else:
                    self._row(tick, "skipped", f"{len(self._waiting)} wait already for execution "
                              f"{self._first_busy()} to end", cause)  # fmt: skip
            case "replace" if not last:
                self._row(tick, "skipped", "a later tick replaces it", cause)
            case _:
                self._fire(tick, cause)

    def _first_busy(self) -> str:
        return self._busy[0] if self._busy else self._fires[0].execution_id if self._fires else "before"

    def _fire(self, tick: datetime, cause: Cause, by: str | None = None) -> None:
        execution_id = tick_id(self._project, self._spec.uid, tick)
        self._fires.append(Firing(tick=tick, execution_id=execution_id, cause=cause, by=by))
        if cause != "backfill":
            self._runs += 1

    def from_waiting(self) -> None:
        """The first that waits, once nothing runs."""
        if self._waiting and not self._busy and not self._fires and not self._spec.paused:
            self._fire(self._waiting.pop(0), "time")

    def backfill(self) -> None:
        """As many ticks of a past time as its rate allows by now."""
        if not self._backfills:
            return
        first, *rest = self._backfills
        allowed = int((self._now - first.started).total_seconds() * first.rate / 60) + 1 - first.done
        room = min(allowed, MOST_OPEN - len(self._before.open) - len(self._fires))
        if room <= 0:
            return
        found = takewhile(lambda tick: tick <= first.until, timing.ticks(self._spec, first.position))
        chosen = [tick for _, tick in zip(range(room), found, strict=False)]
        for tick in chosen:
            self._fire(tick, "backfill", first.by)
        self._backfills = tuple(rest) if len(chosen) < room else (_moved(first, chosen), *rest)

    def _pass_over(self, ticks: list[datetime], outcome: Outcome, reason: str) -> None:
        """Notes them, the oldest of very many together."""
        if len(ticks) > MOST_ROWS:
            together = ticks[:-MOST_ROWS]
            self._rows.append(
                TickRow(
                    tick=together[0], until=together[-1], count=len(together), outcome=outcome, reason=reason
                )
            )
            ticks = ticks[-MOST_ROWS:]
        for tick in ticks:
            self._row(tick, outcome, reason, "time")

    def _row(self, tick: datetime, outcome: Outcome, reason: str, cause: Cause) -> None:
        self._rows.append(TickRow(tick=tick, outcome=outcome, reason=reason, cause=cause))


def _paused(spec: ScheduleSpec) -> str:
    return f"it was paused: {spec.paused_because}" if spec.paused_because else "it was paused"


def _too_late(spec: ScheduleSpec) -> str:
    return f"nobody was there to fire it within {timing.spoken(spec.window)}"


def _not_wanted(spec: ScheduleSpec) -> str:
    rest = "of missed ones the last alone fires" if spec.missed == "last" else "missed ones are skipped"
    return f"nobody was there to fire it, and {rest}"


def _moved(backfill: Backfill, done: list[datetime]) -> Backfill:
    return msgspec.structs.replace(backfill, position=done[-1], done=backfill.done + len(done))
