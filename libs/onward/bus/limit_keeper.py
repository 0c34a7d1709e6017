"""The limit keeper: admits what waits at the gate, and takes back what ends (PROTOCOL L1).

It works on the ports alone. Whatever it does can be done twice, so several of them are safe: the fences decide.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from onward.bus.limit_acts import Acts, slim, wants
from onward.bus.limit_audit import Audit
from onward.bus.limit_deciding import Asked, Decided, Granted, Rules, Stop, decide
from onward.bus.limit_errands import Errands, Run
from onward.bus.limit_ground import Ground
from onward.bus.limit_keys import Keys, together
from onward.bus.limit_line import Lines, Waiter
from onward.bus.ports import EventLog, GateSource, LimitLog, Messages
from onward.contract import events as ev
from onward.contract import limits
from onward.contract.decide import Hint, Moment
from onward.contract.errors import BrokenLog, Unavailable
from onward.contract.limit_round import Key, Round
from onward.contract.limits import Holder, KeyState
from onward.contract.log import Log

log = logging.getLogger("onward.limits")

LOOK_EVERY = 5.0
"""Seconds between two looks at all that wait: another keeper may have given something back."""
AGAIN = 0.5
"""Seconds until something is tried again that could not be done."""
REMEMBERED = 10_000
_AT_ONCE = 64
_MOST_HINTS = 500


class LimitKeeper:
    """Takes the hints of the gate, and hears of every end; `run` works until it is cancelled."""

    def __init__(
        self, events: EventLog, keys: LimitLog, messages: Messages, moment: Callable[[], Moment], run: Run, *,
        rules: Rules = lambda _project, limit: limit, look_every: float = LOOK_EVERY,
    ) -> None:  # fmt: skip
        self._moment, self._run = moment, run
        self._rules, self._look_every = rules, look_every
        self._log = keys
        self._keys, self.lines = Keys(keys), Lines()
        self._ground = Ground(events, keys, moment, rules)
        self._acts, self._errands = Acts(events, messages, moment), Errands(run)
        self._audit = Audit(keys, self._acts, moment, 2 * look_every, self._release_leak)
        self._dirty: dict[Key, None] = {}
        self._asked: dict[Key, list[Asked]] = {}
        self._released: OrderedDict[tuple[Key, str, int], asyncio.Future[None]] = OrderedDict()
        self._admitting: dict[str, Waiter] = {}
        self._stirred = asyncio.Event()
        self._stirred.set()  # the first round finds out whether the keys are complete
        self._few = asyncio.Semaphore(_AT_ONCE)
        self.admitted = 0

    async def run(self, hints: GateSource, renew_every: float) -> None:
        """Take the hints and decide about them, for ever."""
        self._errands.hints = hints
        loops = (
            self._take(hints), self._decide(), self._look_around(), self._errands.renew(renew_every, self._held),
            self._audit.run(),
        )  # fmt: skip
        tasks = [self._run(loop) for loop in loops]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()

    # What it hears

    def take(self, event: ev.AnyEvent) -> "asyncio.Future[Any] | None":
        """Act on an event; over when that is stored. None: there is nothing to do."""
        asked: list[asyncio.Future[None]] = []
        match event:
            case ev.Submitted() if event.due is not None:
                for limit in event.limits:
                    if limit.full == "replace":
                        newest = Asked(execution_id=event.execution_id, at=event.at, done=_future())
                        asked.append(self._ask((event.project, limit.key), newest))
            case ev.Completed() | ev.Failed() | ev.Cancelled() | ev.Suspended() | ev.AttemptFailed() if (
                event.gives_back
            ):
                if isinstance(event, ev.TERMINAL):
                    self._forget(event.execution_id, event.n)
                asked += self._release(event.project, event.gives_back, event.execution_id, event.n)
            case ev.Moved() if (waiter := self.lines.waiting.get(event.execution_id)) is not None:
                for hint in waiter.hints.values():
                    self._start_look(msgspec.structs.replace(hint, submitted=None))
        return _all(asked)

    async def state(self, project: str, key: str) -> KeyState:
        """A key as its log has it now. Raises Unavailable."""
        return (await self._log.read(project, key))[0]

    def holders(self, key: Key) -> tuple[Holder, ...]:
        """Who holds a key that somebody waits for, as it was last seen."""
        known = self._keys.states.get(key)
        return () if known is None else known.holders

    @property
    def leaks(self) -> int:
        """Keys that were held by who had ended."""
        return self._audit.leaks

    def stir(self) -> None:
        """Look at all that wait: the rules may be others."""
        self._mark(*self.lines.keys())

    def _release(
        self, project: str, keys: Iterable[str], of: str, n: int, *, again: bool = False
    ) -> "list[asyncio.Future[None]]":
        asked = []
        for name in keys:
            key = (project, name)
            done = None if again else self._released.get((key, of, n))
            if done is None:
                if not self._keys.holds(key, of):
                    self._keys.doubt(key)
                done = self._released[key, of, n] = self._ask(
                    key, Asked(execution_id=of, n=n, done=_future())
                )
                while len(self._released) > REMEMBERED:
                    self._released.popitem(last=False)
            asked.append(done)
        return asked

    def _release_leak(self, state: KeyState, holder: Holder) -> None:
        self._release(state.project, [state.key], holder.execution_id, holder.n + 1, again=True)

    def _held(self) -> list[str]:
        waiters = (*self.lines.waiting.values(), *self._admitting.values())
        return [hint.ack_subject for waiter in waiters for hint in waiter.hints.values()]

    def _ask(self, key: Key, what: Asked) -> "asyncio.Future[None]":
        self._asked.setdefault(key, []).append(what)
        self._mark(key)
        return what.done

    def _mark(self, *keys: Key) -> None:
        if keys:
            self._dirty.update(dict.fromkeys(keys))
            self._stirred.set()

    def _forget(self, execution_id: str, n: int) -> None:
        waiter = self.lines.waiting.get(execution_id)
        if waiter is not None and waiter.who.n < n:
            self.lines.remove(execution_id)
            self._errands.ack(waiter.hints.values())

    # The hints of the gate

    async def _take(self, hints: GateSource) -> None:
        while True:
            await together([self._look(hint) for hint in await hints.take(_MOST_HINTS)])

    async def _look(self, hint: Hint) -> None:
        try:
            async with self._few:
                found = await self._acts.read(hint)
        except BrokenLog:
            log.exception("broken log: left to the reconciler")
            self._errands.ack([hint])
        except Unavailable as error:
            log.warning("the hint of %s is looked at again: %s", hint.execution_id, error)
            self._again([hint])
        else:
            if found is None:
                self._errands.ack([hint])  # purged: it ended longer ago than the horizon
            else:
                self._place(found, hint)

    def _again(self, hints: Iterable[Hint]) -> None:
        for hint in hints:
            self._errands.later(AGAIN, partial(self._start_look, hint))

    def _start_look(self, hint: Hint) -> None:
        self._errands.start(self._look(hint))

    def _place(self, found: Log, hint: Hint) -> None:
        """Put it into its lines; or take back what it got for nothing, and be done with the hint."""
        state, before = found.execution, self.lines.waiting.get(found.execution.id)
        known = self._admitting.get(state.id) or before
        if known is not None and (known.log.sequence > found.sequence or state.id in self._admitting):
            known.hints[hint.work_sequence] = hint
        elif wants(state, hint):
            hints = {**({} if before is None else before.hints), hint.work_sequence: hint}
            self.lines.remove(state.id)
            waiter = Waiter(
                log=slim(found), hints=hints, who=limits.wanting(state),
                fired=None if state.ready else hint.fired, new=before is None or before.new,
            )  # fmt: skip
            self.lines.add(waiter)
            self._mark(*waiter.keys)
        elif state.ended or state.paused:
            left = self.lines.remove(state.id)
            got = [limit.key for limit in state.limits if limit.key not in state.grants]
            # Once more: it may have been granted after its end was heard of, by who had not heard of it.
            released = self._release(state.project, got, state.id, state.n, again=True)
            self._errands.start(self._ack_after(released, [hint, *(left.hints.values() if left else ())]))
        else:
            self._errands.ack([hint])

    async def _ack_after(self, released: "list[asyncio.Future[None]]", done: list[Hint]) -> None:
        await together(released)
        await self._errands.acked(done)

    # Rounds: all that is to be decided, at once

    async def _decide(self) -> None:
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            dirty, self._dirty = self._dirty, {}
            try:
                await self._round(dirty)
            except Unavailable as error:
                log.warning("limits are decided again: %s", error)
                self._errands.later(AGAIN, partial(self._mark, *dirty))

    async def _round(self, dirty: dict[Key, None]) -> None:
        asked = {key: self._asked.pop(key) for key in dirty if key in self._asked}
        granted: Granted = {}
        try:
            if await self._ground.stand():
                self._keys.forget()
            await self._keys.load(dirty, self.lines)
            now = self._moment().now
            round_ = Round(self._keys.states, now)
            decided = decide(round_, self.lines, dirty, asked, self._rules)
            granted = decided.granted
            for waiter, _ in granted.values():
                self.lines.remove(waiter.id)
                self._admitting[waiter.id] = waiter
            stored = await self._keys.store(round_.changed, now)
            if granted and not await self._ground.holds():
                raise Unavailable("the keys of limits are lost: they are rebuilt first", retry_after=1)
        except BaseException:
            for key, requests in asked.items():
                self._asked.setdefault(key, []).extend(requests)
            self._put_back(waiter for waiter, _ in granted.values())
            raise
        lost = {key for key in round_.changed if key not in stored}
        self._settle(asked, lost)
        self._begin(decided, lost)
        for key, until in decided.budgets.items():
            self._errands.at_budget(key, (until - now).total_seconds(), partial(self._mark, key))
        self._mark(*lost)

    def _begin(self, decided: Decided, lost: set[Key]) -> None:
        """What was decided, as far as the keys say so now."""
        for waiter in decided.newcomers:
            if lost.isdisjoint(waiter.keys):
                self.lines.is_known(waiter)
        for waiter, as_now in decided.granted.values():
            if lost.isdisjoint(waiter.keys):
                held = [limit.key for limit in as_now if limit.max is not None]
                grants = {key: self._keys.sequence((waiter.project, key)) for key in held}
                self._errands.start(self._admit(waiter, grants))
            else:
                self._put_back([waiter])
        for stop in decided.stops:
            if stop.key not in lost:
                self._errands.start(self._stop(stop))
        for waiter in decided.some:
            self._errands.start(self._give_back(waiter))

    async def _stop(self, stop: Stop) -> None:
        try:
            await self._acts.stop(stop)
        except Unavailable:
            self._errands.later(AGAIN, lambda: self._errands.start(self._stop(stop)))
        except BrokenLog:
            log.exception("execution %s cannot be stopped", stop.execution_id)

    def _settle(self, asked: dict[Key, list[Asked]], lost: set[Key]) -> None:
        for key, requests in asked.items():
            if key in lost:
                self._asked.setdefault(key, []).extend(requests)
                continue
            for what in requests:
                if not what.done.done():
                    what.done.set_result(None)

    def _put_back(self, waiters: Iterable[Waiter]) -> None:
        for waiter in waiters:
            self._admitting.pop(waiter.id, None)
            self.lines.add(waiter)
            self._mark(*waiter.keys)

    async def _admit(self, waiter: Waiter, grants: dict[str, int]) -> None:
        try:
            found = await self._acts.admit(waiter, grants)
        except Unavailable as error:
            log.warning("execution %s is admitted again: %s", waiter.id, error)
            del self._admitting[waiter.id]
            self._again(waiter.hints.values())
            return
        except BrokenLog:
            log.exception("broken log: left to the reconciler")
            found = None
        del self._admitting[waiter.id]
        if found is None:
            self.admitted += 1
            self._errands.ack(waiter.hints.values())
            return
        for hint in waiter.hints.values():
            self._place(found, hint)

    async def _give_back(self, waiter: Waiter) -> None:
        """What it got without the others keeps them from those who can use it."""
        try:
            found = await self._acts.gate_again(waiter)
        except (Unavailable, BrokenLog) as error:
            log.warning("execution %s gives back later: %s", waiter.id, error)
            waiter.gives_back = False
            self._errands.later(AGAIN, partial(self._mark, *waiter.keys))
            return
        # Its log has moved on: whoever granted it these keys cannot admit it any more.
        state = found.execution
        if state.gated:
            got = [limit.key for limit in state.limits if limit.key not in state.grants]
            self._release(state.project, got, state.id, state.n, again=True)
        for hint in waiter.hints.values():
            self._place(found, hint)

    # What goes on beside

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            for key in self.lines.keys():  # noqa: SIM118 - it is no dict
                self._keys.doubt(key)
            self.stir()


def _future() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


def _all(asked: "list[asyncio.Future[None]]") -> "asyncio.Future[Any] | None":
    if len(asked) < 2:
        return asked[0] if asked else None
    return asyncio.gather(*asked, return_exceptions=True)
