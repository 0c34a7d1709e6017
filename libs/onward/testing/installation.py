"""A whole installation in memory: one bus, the commands of a gateway, any number of workers that can be killed."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import msgspec

from onward.bus.limit_rules import filled
from onward.bus.ports import EventLog
from onward.bus.values import Values
from onward.contract import decide, subjects
from onward.contract.decide import Hint, Moment, Owner
from onward.contract.errors import FenceLost
from onward.contract.events import AnyEvent
from onward.contract.execution import Execution
from onward.contract.limit import TASK, LimitPolicy
from onward.contract.log import Decision, Log, Stored
from onward.contract.retry import Retry
from onward.tasks.registry import Registry
from onward.telemetry.trace import traceparent
from onward.testing.bus import MemoryBus, Process
from onward.testing.connection import Connection
from onward.testing.work import MemoryHints
from onward.worker.attempt import Env
from onward.worker.engine import Engine
from onward.worker.keeper import About
from onward.worker.lease import Lease

PROJECT = "default"
Command = Callable[[Execution, Moment], tuple[AnyEvent, ...]]
Wrap = Callable[[EventLog, Process], EventLog]


class Worker(msgspec.Struct, frozen=True):
    """A worker of the installation: its process, its engine, and the hints it holds."""

    process: Process
    engine: Engine
    hints: "HeldHints"


class HeldHints(MemoryHints):
    """Knows what was handed to it, so that it can be given back when its process is killed."""

    def __init__(self, bus: MemoryBus, process: Process, queues: Iterable[str]) -> None:
        super().__init__(bus.work, process, PROJECT, queues)
        self._bus = bus
        self._held: set[int] = set()

    async def take(self, most: int) -> list[Hint]:
        """See HintSource.take."""
        hints = await super().take(most)
        self._held.update(hint.work_sequence for hint in hints)
        return hints

    async def ack(self, hint: Hint) -> None:
        """See HintSource.ack."""
        await super().ack(hint)
        self._held.discard(hint.work_sequence)

    async def give_back(self, hint: Hint, *, after: float = 0.0) -> None:
        """See HintSource.give_back."""
        self._held.discard(hint.work_sequence)
        await super().give_back(hint, after=after)

    def release(self) -> None:
        """What a supervisor does for a worker that is gone."""
        for sequence in sorted(self._held):
            self._bus.work.expire(sequence)


class Installation:
    """One bus, one gateway's worth of commands, any number of workers."""

    def __init__(self, registry: Registry, bus: MemoryBus) -> None:
        self.bus, self.registry = bus, registry
        self.gateway = bus.process("gateway")
        self.workers: dict[str, Worker] = {}
        self._processes: list[Connection] = [self.gateway, bus.keeper]
        self._expected: dict[str, list[asyncio.Future[None]]] = {}
        bus.events.listeners.append(self._heard)
        self._keeper: asyncio.Task[None] | None = None

    async def worker(
        self, name: str, *, slots: int = 10, grace: float = 1.0, queues: tuple[str, ...] = ("default",),
        kept: bool = False, wrap: Wrap | None = None,
    ) -> Engine:  # fmt: skip
        """Start a worker; `kept`: nothing renews its leases or sends its heartbeats, and nothing needs to."""
        self._keep_deadlines()
        process = self.bus.process(name)
        self._processes.append(process)
        env = Env(
            events=wrap(process.events, process) if wrap else process.events, lines=process.lines,
            objects=process.objects, registry=self.registry,
            moment=lambda: msgspec.structs.replace(process.moment(), trace=traceparent()),
            owner=Owner(worker_id=name, connection=name), random=self.bus.random.random, alive=_never, holds={},
            now=self.bus.now, grace=grace, gates=self._gates,
        )  # fmt: skip
        about = About(
            project=PROJECT, host="here", pid=1, version="0", queues=queues, slots=slots, started_at=self.bus.now()
        )  # fmt: skip
        hints = HeldHints(self.bus, process, queues)
        engine = Engine(
            env, hints, process.messages, about, lease=Lease(ack_wait=self.bus.work.ack_wait),
            clock=asyncio.get_running_loop().time, kept=kept,
        )  # fmt: skip
        self.workers[name] = Worker(process, engine, hints)
        if kept:
            await process.run(engine.keeper.start())
        await process.run(engine.start())
        return engine

    def _gates(self, state: Execution) -> tuple[LimitPolicy, ...]:
        return self._limits(state.task, state.input)

    def _limits(self, task: str, given: msgspec.Raw) -> tuple[LimitPolicy, ...]:
        spec = self.registry.tasks[task].spec
        limits = filled(spec.limits, given)
        return (
            limits if spec.max_running is None else (*limits, LimitPolicy(f"{TASK}{task}", spec.max_running))
        )

    def _keep_deadlines(self) -> None:
        if self._keeper is None:
            self._keeper = self.gateway.run(self.gateway.keep_deadlines(PROJECT))

    def kill(self, name: str) -> None:
        """SIGKILL: nothing of it happens any more. What it held waits until its leases are over."""
        self.workers.pop(name).process.kill()

    async def end(self) -> None:
        """Kill everything, and return when nothing of it is left."""
        for name in list(self.workers):
            self.kill(name)
        limits = self.bus.limits.process
        processes = self._processes if limits is None else [*self._processes, limits]
        for process in processes:
            process.kill()
        for process in processes:
            await process.gone()

    async def submit(
        self, task: str, given: Any = None, *, delay: float = 0.0, retry: Retry | None = None, trace: str | None = None,
        labels: dict[str, str] | None = None,
    ) -> str:  # fmt: skip
        """Accept an execution; its id."""
        self._keep_deadlines()
        moment = msgspec.structs.replace(self.gateway.moment(), trace=trace)
        spec = self.registry.tasks[task].spec
        execution_id = moment.new_id()
        raw = given if isinstance(given, msgspec.Raw) else msgspec.Raw(msgspec.json.encode(given or {}))
        event = decide.submit(
            execution_id=execution_id, project=PROJECT, moment=moment, queue=spec.queue, priority=spec.priority,
            run_at=moment.now + timedelta(seconds=delay) if delay else None, task=task,
            input=await Values(self.gateway.objects).keep(PROJECT, execution_id, raw, "/input"),
            retry=retry or spec.retry, timeouts=spec.timeouts, on_exhausted=spec.on_exhausted, labels=labels or {},
            limits=self._limits(task, raw),
        )  # fmt: skip
        await self.gateway.events.append(
            Decision(project=PROJECT, execution_id=event.execution_id, expected=0, events=(event,))
        )
        return event.execution_id

    async def log(self, execution_id: str) -> Log:
        """The log as it is."""
        log = await self.gateway.events.read(PROJECT, execution_id)
        if log is None:
            raise KeyError(f"no execution {execution_id}")
        return log

    async def command(self, execution_id: str, make: Command) -> Execution:
        """Append what `make(state, moment)` decides, again where somebody was faster, and nudge the owner."""
        log = await self.log(execution_id)
        while events := make(log.execution, self.gateway.moment()):
            decision = Decision(
                project=PROJECT, execution_id=execution_id, expected=log.sequence, events=events
            )
            try:
                await self.gateway.events.append(decision)
            except FenceLost as lost:
                log = await self.gateway.events.read_on(log, floor=lost.floor)
                continue
            await self.gateway.messages.publish(subjects.control(PROJECT, execution_id), b"")
            break
        return (await self.log(execution_id)).execution

    async def until(
        self, execution_id: str, is_so: Callable[[Execution], bool], within: float | None
    ) -> Execution:
        """The execution once `is_so(state)`; looks after every event of it."""
        async with asyncio.timeout(within):
            log = await self.log(execution_id)
            while not is_so(log.execution):
                news = asyncio.get_running_loop().create_future()
                self._expected.setdefault(execution_id, []).append(news)
                read = await self.gateway.events.read_on(log)
                if read.sequence == log.sequence:
                    await news
                news.cancel()
                log = read
            return log.execution

    def give_up(self, why: Callable[[str], Exception]) -> bool:
        """Fail everybody who waits for an execution; whether there was anybody."""
        waiting = [(id, news) for id, found in self._expected.items() for news in found if not news.done()]
        self._expected.clear()
        for execution_id, news in waiting:
            news.set_exception(why(execution_id))
        return bool(waiting)

    def _heard(self, stored: Stored) -> None:
        for news in self._expected.pop(stored.event.execution_id, ()):
            if not news.done():
                news.set_result(None)


async def _never(_: str, __: str) -> bool:
    return False
