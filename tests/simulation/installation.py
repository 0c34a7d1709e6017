"""A whole installation in memory: real worker engines, a client, an effect ledger, and somebody who breaks things."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from contextvars import ContextVar
from datetime import timedelta
from random import Random
from typing import Any

import msgspec

from onward.bus.ports import EventLog, Raw
from onward.contract import commands, decide, subjects
from onward.contract import events as ev
from onward.contract.decide import Moment, Owner
from onward.contract.errors import BrokenLog, Conflict, FenceLost, OnwardError, Unavailable
from onward.contract.execution import Execution
from onward.contract.lifecycle import fold
from onward.contract.log import Decision, Log, Stored
from onward.tasks.registry import Registry
from onward.testing.bus import MemoryBus, Process
from onward.testing.checker import Report, check
from onward.testing.faults import CALM, Faults
from onward.testing.virtual_loop import Deadlock, Livelock, simulate
from onward.worker.attempt import Env
from onward.worker.engine import Engine
from onward.worker.keeper import About
from onward.worker.lease import Lease
from tests.simulation.book import Book, Witnessed

PROJECT = "default"
ACK_WAIT = 20.0


class Setup(msgspec.Struct, kw_only=True):
    """How workers are set up; what stands here may be a planted fault."""

    tasks: Callable[["Worker"], Registry]
    slots: int = 2
    queues: tuple[str, ...] = ("default",)
    lease: Lease = Lease(ack_wait=ACK_WAIT)
    sees: Callable[[EventLog], EventLog] = lambda events: events
    """What the worker has for an EventLog."""
    skew: float = 0.0
    """Seconds by which its clock is wrong."""


_working: ContextVar["Worker"] = ContextVar("onward_simulated_worker")


class Worker:
    """An engine in a process of its own."""

    def __init__(self, bus: MemoryBus, book: Book, setup: Setup, name: str) -> None:
        self.process, self.book, self.name = bus.process(name), book, name
        skew = timedelta(seconds=setup.skew)
        self.env = Env(
            events=Witnessed(setup.sees(self.process.events), book, name), lines=self.process.lines,
            objects=self.process.objects, registry=setup.tasks(self),
            owner=Owner(worker_id=name, connection=f"{name}-connection"),
            moment=lambda: Moment(now=bus.now() + skew, new_id=bus.new_id, actor=name),
            random=bus.random.random, alive=_nobody, holds={}, now=lambda: bus.now() + skew,
        )  # fmt: skip
        about = About(
            project=PROJECT, host="here", pid=1, version="0", queues=setup.queues, slots=setup.slots,
            started_at=bus.now(),
        )  # fmt: skip
        self.engine = Engine(
            self.env, self.process.hints(PROJECT, setup.queues), self.process.messages, about,
            lease=setup.lease, clock=asyncio.get_running_loop().time,
        )  # fmt: skip

    def start(self) -> None:
        token = _working.set(self)
        self.process.run(self.engine.start())
        _working.reset(token)

    @property
    def busy(self) -> bool:
        return bool(self.env.holds)

    def effect(self, execution_id: str, step: str, attempt: int, what: str) -> None:
        self.process.check()
        self.book.effect(self.name, execution_id, step, attempt, what)


def working() -> Worker:
    """The worker in which the caller runs: tasks that ask for it can be the same ones for all."""
    return _working.get()


async def _nobody(worker_id: str, execution_id: str) -> bool:
    return False


class Client:
    """What the gateway does for its callers, and what they write down."""

    def __init__(self, bus: MemoryBus, book: Book, name: str = "gateway") -> None:
        self.bus, self.book, self.name = bus, book, name
        self.process: Process = bus.process(name)
        self.ids: list[str] = []
        self.floors: dict[str, int] = {}
        """How far it has written each log itself: it reads no less."""

    async def submit(self, task: str, *, token: str | None = None, run_at=None, **fields) -> str:
        execution_id = self.bus.new_id()
        labels = {"token": token or execution_id}
        event = decide.submit(
            execution_id=execution_id, project=PROJECT, moment=self.process.moment(), queue="default", priority=5,
            run_at=run_at, task=task, labels=labels, **fields,
        )  # fmt: skip
        decision = Decision(project=PROJECT, execution_id=execution_id, expected=0, events=(event,))
        try:
            await self.process.events.append(decision)
        except Unavailable:
            self.book.record(self.name, "info", "submit", execution_id=execution_id, token=labels["token"])
        else:
            self.ids.append(execution_id)
            self.book.record(self.name, "ok", "submit", execution_id=execution_id, token=labels["token"])
        return execution_id

    async def read(self, execution_id: str) -> Log | None:
        with contextlib.suppress(Unavailable):
            return await self.process.events.read(PROJECT, execution_id)
        return None

    async def change(
        self, execution_id: str, op: str, decided: Callable[[Execution], tuple[ev.AnyEvent, ...]]
    ) -> bool:
        """Append what `decided` makes of the newest state; False where it refuses or nobody knows."""
        log, floor = None, self.floors.get(execution_id, 0)
        while True:
            try:
                if log is None:
                    log = await self.process.events.read(PROJECT, execution_id, floor=floor)
                else:
                    log = await self.process.events.read_on(log, floor=floor)
                if log is None:
                    return False
                events = decided(log.execution)
                if not events:
                    return True
                decision = Decision(
                    project=PROJECT, execution_id=execution_id, expected=log.sequence, events=events
                )
                self.floors[execution_id] = await self.process.events.append(decision)
            except FenceLost as lost:
                floor = lost.floor
            except (Conflict, BrokenLog):
                return False
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            else:
                self.book.record(self.name, "ok", op, execution_id=execution_id)
                if op in {"cancel", "pause", "resume"}:
                    await self.process.messages.publish(subjects.control(PROJECT, execution_id), b"")
                return True

    async def cancel(self, execution_id: str) -> bool:
        return await self.change(
            execution_id, "cancel", lambda s: commands.cancel(s, self.process.moment(), "enough")
        )

    async def pause(self, execution_id: str) -> bool:
        return await self.change(
            execution_id, "pause", lambda s: commands.pause(s, self.process.moment(), None)
        )

    async def resume(self, execution_id: str) -> bool:
        return await self.change(execution_id, "resume", lambda s: commands.resume(s, self.process.moment()))

    async def retry(self, execution_id: str, *, fresh: bool = False) -> bool:
        return await self.change(
            execution_id, "retry", lambda s: commands.retry(s, self.process.moment(), fresh=fresh)
        )

    async def answer(self, execution_id: str, given: str) -> bool:
        raw = msgspec.Raw(msgspec.json.encode(given))
        return await self.change(
            execution_id, "answer", lambda s: commands.answer(s, self.process.moment(), raw, None)
        )


class Installation:
    """Workers of one task module, a client, a book."""

    def __init__(
        self, random: Random, setup: Setup, *, workers: int = 2, faults: Faults = CALM, **parts
    ) -> None:
        self.random, self.setup = random, setup
        self.bus = MemoryBus(random, ack_wait=setup.lease.ack_wait, faults=faults, **parts)
        self.archive: list[Raw] = []
        """All that was ever stored, purged or not."""
        self.logs: dict[str, list[Stored]] = {}
        self._folded: dict[str, tuple[int, Execution]] = {}
        self.bus.events.listeners.append(self._keep)
        self.book = Book()
        self.client = Client(self.bus, self.book)
        self.workers: list[Worker] = []
        self._names = 0
        for _ in range(workers):
            self.start_worker()

    def start_worker(self) -> Worker:
        self._names += 1
        worker = Worker(self.bus, self.book, self.setup, f"w{self._names}")
        worker.start()
        self.workers.append(worker)
        return worker

    def _keep(self, item: Stored) -> None:
        event = item.event
        subject = subjects.event(event.project, event.execution_id, event.wake)
        self.archive.append(Raw(item.sequence, subject, ev.encode(event)))
        self.logs.setdefault(event.execution_id, []).append(item)

    def kill(self, worker: Worker) -> None:
        """SIGKILL; a supervisor starts another one."""
        self.book.fault("kill", worker.name, landed=worker.busy)
        worker.process.kill()
        self.workers.remove(worker)
        self.start_worker()

    def pause(self, worker: Worker, seconds: float) -> None:
        """Nothing reaches this worker, nor does it reach anybody, for so long."""
        self.book.fault("pause", worker.name, landed=worker.busy)
        worker.process.cut()
        asyncio.get_running_loop().call_later(seconds, worker.process.heal)

    async def wear(self, seconds: float) -> None:
        """Break something every now and then, for so long."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self.random.uniform(0.2, 6))
            worker = self.random.choice(self.workers)
            match self.random.randrange(4):
                case 0 | 1:
                    self.kill(worker)
                case 2:
                    self.pause(worker, self.random.uniform(1, 2.5 * self.bus.work.ack_wait))
                case 3:
                    self.book.fault("restart", "work", landed=bool(self.bus.work.messages))
                    self.bus.work.restart()

    async def people(self) -> None:
        """Answer what is asked; cancel and retry something now and then."""
        while True:
            await asyncio.sleep(self.random.uniform(1, 8))
            for execution_id in self.client.ids:
                if self.asks(execution_id):
                    await self.client.answer(execution_id, "yes")
            if self.impatient and self.client.ids:
                execution_id = self.random.choice(self.client.ids)
                change = self.client.retry if self.ended(execution_id) else self.client.cancel
                if self.random.random() < 0.15:
                    await change(execution_id)

    impatient = True

    async def day(self, names: Iterable[str], wear: float = 60.0) -> Report:
        """Submit these tasks, break things for a while, let everything end, and check what happened."""
        people = asyncio.ensure_future(self.people())
        for name in names:
            await self.client.submit(name)
        await self.wear(wear)
        self.impatient = False
        await self.settled()
        people.cancel()
        return self.report()

    def asks(self, execution_id: str) -> bool:
        with contextlib.suppress(BrokenLog):  # planted faults do that; the checker will say so
            return any(w.kind == "question" and not w.done for w in self.state(execution_id).waits.values())
        return False

    def ended(self, execution_id: str) -> bool:
        """Whether its outcome stands, however broken its log is."""
        turns = (*ev.TERMINAL, ev.RetryRequested)
        last = [item.event for item in self.logs.get(execution_id, ()) if isinstance(item.event, turns)]
        return bool(last) and isinstance(last[-1], ev.TERMINAL)

    async def settled(self, within: float = 600.0) -> list[str]:
        """Wait until every accepted execution has ended; those that did not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while loop.time() < end:
            if not (left := [i for i in self.client.ids if not self.ended(i)]):
                return []
            await asyncio.sleep(1.0)
        return left

    def log(self, execution_id: str) -> Log:
        return Log.of(self.logs[execution_id])

    def state(self, execution_id: str) -> Execution:
        """As it is now. Raises BrokenLog, which planted faults bring about."""
        log = self.logs[execution_id]
        known, state = self._folded.get(execution_id, (0, None))
        if known < len(log):
            state = fold((item.event for item in log[known:]), state)
            self._folded[execution_id] = len(log), state
        return state

    def report(self, *, at_rest: bool = True) -> Report:
        return check(self.book.history, self.archive, at_rest=at_rest)


async def until(condition: Callable[[], bool], within: float = 600.0) -> None:
    """Wait in virtual time until `condition` holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)


Scenario = Callable[[Random], Coroutine[Any, Any, str | None]]
"""One run; what it returns is what was wrong."""


def outcome(seed: int, scenario: Scenario) -> str | None:
    """What was wrong in the run of this seed."""
    try:
        return simulate(seed, scenario)
    except (Deadlock, Livelock, TimeoutError, AssertionError, OnwardError) as error:
        return f"{type(error).__name__}: {error}"


def broken(scenario: Scenario, seeds: Iterable[int]) -> dict[int, str]:
    """The seeds whose runs went wrong, and how."""
    outcomes = ((seed, outcome(seed, scenario)) for seed in seeds)
    return {seed: wrong for seed, wrong in outcomes if wrong}


def first_broken(scenario: Scenario, seeds: Iterable[int]) -> str | None:
    """The first thing that went wrong, as it should with a rule taken out."""
    return next(filter(None, (outcome(seed, scenario) for seed in seeds)), None)


def said(report: Report) -> str | None:
    """A report as the outcome of a run."""
    return "; ".join(f"{v.invariant} {v.execution_id[-4:]}: {v.what}" for v in report.violations[:3]) or None
