"""A whole installation in memory for tests of the worker: submit, run, look at the log."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import msgspec

from onward.bus.values import Values
from onward.contract import decide, subjects
from onward.contract import events as ev
from onward.contract.decide import Owner
from onward.contract.execution import Execution
from onward.contract.log import Decision, Log
from onward.contract.retry import Retry
from onward.tasks.registry import Registry
from onward.telemetry.trace import traceparent
from onward.testing.bus import MemoryBus, Process
from onward.worker.attempt import Env
from onward.worker.engine import Engine
from onward.worker.keeper import About
from onward.worker.lease import Lease


class Workshop:
    """One bus, one gateway's worth of commands, any number of workers."""

    def __init__(self, registry: Registry, seed: int = 0, **options: Any) -> None:
        self.bus = MemoryBus(Random(seed), **options)
        self.registry, self.gateway = registry, self.bus.process("gateway")
        self.engines: dict[str, Engine] = {}
        self.processes: dict[str, Process] = {}

    async def worker(self, name: str, *, slots: int = 10, grace: float = 1.0) -> Engine:
        """Start a worker."""
        process = self.bus.process(name)
        env = Env(
            events=process.events, lines=process.lines, objects=process.objects, registry=self.registry,
            moment=lambda: msgspec.structs.replace(process.moment(), trace=traceparent()),
            owner=Owner(worker_id=name, connection=name), random=self.bus.random.random, alive=_never, holds={},
            now=self.bus.now, grace=grace,
        )  # fmt: skip
        about = About(
            project="default", host="here", pid=1, version="0", queues=("default",), slots=slots,
            started_at=self.bus.now(),
        )  # fmt: skip
        engine = Engine(
            env, process.hints("default", ("default",)), process.messages, about,
            lease=Lease(ack_wait=self.bus.work.ack_wait), clock=asyncio.get_running_loop().time,
        )  # fmt: skip
        self.engines[name], self.processes[name] = engine, process
        await process.run(engine.start())
        return engine

    def kill(self, name: str) -> None:
        """SIGKILL: nothing of it happens any more."""
        self.processes[name].kill()
        self.bus.wires.leave(self.processes[name]) if hasattr(self.bus.wires, "leave") else None

    async def submit(
        self,
        task: str,
        given: Any = None,
        *,
        delay: float = 0.0,
        retry: Retry | None = None,
        trace: str | None = None,
    ) -> str:
        """Accept an execution; its id."""
        moment = msgspec.structs.replace(self.gateway.moment(), trace=trace)
        execution_id = moment.new_id()
        values, raw = Values(self.gateway.objects), msgspec.Raw(msgspec.json.encode(given or {}))
        event = decide.submit(
            execution_id=execution_id, project="default", moment=moment, queue="default", priority=5,
            run_at=moment.now + timedelta(seconds=delay) if delay else None, task=task,
            input=await values.keep("default", execution_id, raw, "/input"),
            retry=retry or self.registry.tasks[task].spec.retry, timeouts=self.registry.tasks[task].spec.timeouts,
        )  # fmt: skip
        await self.gateway.events.append(
            Decision(project="default", execution_id=event.execution_id, expected=0, events=(event,))
        )
        return event.execution_id

    async def log(self, execution_id: str) -> Log:
        """The log as it is."""
        log = await self.gateway.events.read("default", execution_id)
        assert log is not None
        return log

    async def command(self, execution_id: str, make: Any) -> Execution:
        """Append what `make(state, moment)` decides, and nudge the owner."""
        log = await self.log(execution_id)
        events = make(log.execution, self.gateway.moment())
        decision = Decision(
            project="default", execution_id=execution_id, expected=log.sequence, events=events
        )
        await self.gateway.events.append(decision)
        await self.gateway.messages.publish(subjects.control("default", execution_id), b"")
        return (await self.log(execution_id)).execution

    async def ended(self, execution_id: str, within: float = 60.0) -> Execution:
        """The execution once its outcome stands."""
        return await self.until(execution_id, lambda state: state.ended, within)

    async def until(self, execution_id: str, is_so: Any, within: float = 60.0) -> Execution:
        """The execution once `is_so(state)`; looks after every event of it."""
        heard = asyncio.Event()
        self.bus.events.listeners.append(lambda _: heard.set())
        async with asyncio.timeout(within):
            while True:
                heard.clear()
                state = (await self.log(execution_id)).execution
                if is_so(state):
                    return state
                await heard.wait()

    async def types(self, execution_id: str) -> list[str]:
        """The types of its events, in order."""
        return [ev.event_type(stored.event) for stored in (await self.log(execution_id)).stored]


async def _never(_: str, __: str) -> bool:
    return False
