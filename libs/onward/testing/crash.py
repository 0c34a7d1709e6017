"""Kills a task's worker before and after every append, lets another one finish, and reports what doubled."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from onward.bus.ports import EventLog, Raw
from onward.contract import events as ev
from onward.contract.log import Decision, Log
from onward.tasks.registry import Task
from onward.testing.crash_report import CrashPoint, CrashReport
from onward.testing.run import Run, Stuck

Play = Callable[[Any, Run[Any]], Awaitable[object]]
"""What the test does, with the Lab and the run, while the task runs: answers, sends, skips."""


async def crash_with(
    make: Callable[[int], Any],
    task: Task[..., Any] | str,
    value: Any,
    *,
    play: Play | None,
    same_output: bool,
) -> CrashReport:
    """See onward.testing.crash_everywhere. `make(workers)` gives a Lab."""

    async def once(at: int, *, after: bool) -> _Witness:
        witness = _Witness(at, after=after)
        async with make(0) as lab:
            await witness.see(lab, task, value, play)
        return witness

    clean = await once(0, after=False)
    if clean.stuck is not None:
        raise clean.stuck
    points = []
    for at, appended in enumerate(clean.appended, 1):
        for after in (False, True):
            seen = await once(at, after=after)
            points.append(_compare(clean, seen, f"{'after' if after else 'before'} {appended}", same_output))
    name = task if isinstance(task, str) else task.name
    return CrashReport(task=name, outcome=clean.outcome[0], points=tuple(points), clean=clean.faults())


class _Witness:
    """One run, and all that must be compared."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._at, self._after = at, after
        self.appended: list[str] = []
        self.stuck: Stuck | None = None
        self.outcome: tuple[str, bytes] = ("", b"")
        self.tries: Counter[tuple[str, str, str, str]] = Counter()
        self.effects: Counter[str] = Counter()
        self._saved: list[str] = []
        self._ends: list[str] = []

    async def see(self, lab: Any, task: Task[..., Any] | str, value: Any, play: Play | None) -> None:
        died = asyncio.get_running_loop().create_future()

        async def replace_the_dead() -> None:
            name = await died
            lab.kill_worker(name)
            await lab.start_worker()

        replacing = asyncio.get_running_loop().create_task(replace_the_dead())
        await lab.start_worker(
            wrap=lambda log, process: _Mortal(log, self, lambda: died.set_result(process.name))
        )
        try:
            run = await lab.submit(task, value)
            if play is not None:
                await play(lab, run)
            state = await run.ended()
            self.outcome = (f"{state.status} ({state.reason})", bytes(state.output or b""))
            await lab.settle()
        except Stuck as stuck:
            self.stuck = stuck
        finally:
            replacing.cancel()
        self._look(lab)

    def _look(self, lab: Any) -> None:
        self.tries.update((tried.execution_id, tried.scope, tried.name, tried.key) for tried in lab.tried)
        self._saved = [tried.name for tried in lab.tried if tried.saved]
        unkeyed = [effect.name for effect in lab.effects if effect.key is None]
        keyed = {(effect.name, effect.key) for effect in lab.effects if effect.key is not None}
        self.effects.update(unkeyed + [name for name, _ in keyed])
        for execution_id in lab.executions:
            events = lab.events_of(execution_id)
            ends = sum(isinstance(event, ev.TERMINAL) for event in events)
            lives = 1 + sum(isinstance(event, ev.RetryRequested) for event in events)
            if ends > lives:
                self._ends.append(f"{ends} outcomes in {lives} lives of {execution_id}")

    def met(self, decision: Decision) -> tuple[bool, bool]:
        """Whether the worker dies before this append, and whether after it."""
        self.appended.append("+".join(ev.event_type(event) for event in decision.events))
        now = len(self.appended) == self._at
        return now and not self._after, now and self._after

    def faults(self) -> tuple[str, ...]:
        """What is wrong with this run by itself."""
        return tuple([f"the finished step {name} was run again" for name in self._saved] + self._ends)


class _Mortal:
    """The log as a worker sees it that dies at one append. Implements onward.bus.ports.EventLog."""

    def __init__(self, log: EventLog, witness: _Witness, die: Callable[[], None]) -> None:
        self._log, self._witness, self._tell = log, witness, die
        self._dead = False

    async def append(self, decision: Decision) -> int:
        """See EventLog.append."""
        if self._dead:
            self._die()
        before, after = self._witness.met(decision)
        if before:
            self._die()
        last = await self._log.append(decision)
        if after:
            self._die()
        return last

    def _die(self) -> NoReturn:
        if not self._dead:
            self._dead = True
            self._tell()
        raise asyncio.CancelledError("this worker was killed")

    async def read(
        self, project: str, execution_id: str, *, route: str | None = None, floor: int = 0
    ) -> Log | None:
        """See EventLog.read."""
        return await self._log.read(project, execution_id, route=route, floor=floor)

    async def read_on(self, log: Log, *, floor: int = 0) -> Log:
        """See EventLog.read_on."""
        return await self._log.read_on(log, floor=floor)

    async def scan(self, after: int, most: int) -> list[Raw]:
        """See EventLog.scan."""
        return await self._log.scan(after, most)


def _compare(clean: _Witness, seen: _Witness, where: str, same_output: bool) -> CrashPoint:  # noqa: FBT001
    wrong = list(seen.faults())
    if seen.stuck is not None:
        wrong.append(str(seen.stuck))
    elif seen.outcome[0] != clean.outcome[0]:
        wrong.append(f"it ended {seen.outcome[0]}, and without a crash {clean.outcome[0]}")
    elif same_output and seen.outcome[1] != clean.outcome[1]:
        wrong.append(f"another output: {seen.outcome[1][:80]!r} and not {clean.outcome[1][:80]!r}")
    again = {name: times - clean.tries[step] for step, times in seen.tries.items() if times > clean.tries[step]
             for name in (step[2],)}  # fmt: skip
    doubled = {name: times for name, times in seen.effects.items() if times > clean.effects[name]}
    return CrashPoint(where=where, again=again, doubled=doubled, wrong=tuple(wrong))
