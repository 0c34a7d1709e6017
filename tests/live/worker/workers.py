"""Real worker engines over a real server, each with a wire that a test can cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import random
from typing import Any

import msgspec

from onward import Registry
from onward.bus.api import call
from onward.bus.bus import Bus, open_bus
from onward.bus.topology import ensure_queue
from onward.contract import decide, subjects
from onward.contract import events as ev
from onward.contract.decide import Moment, Owner
from onward.contract.execution import Execution
from onward.contract.log import Decision, Log
from onward.tasks import asking, context
from onward.worker.attempt import Env
from onward.worker.engine import Engine
from onward.worker.keeper import About
from onward.worker.lease import Lease
from tests.live.bus.making import new_id, until
from tests.live.bus.proxy import Proxy, proxy_to

PROJECT = "default"


class Worker:
    """One worker's engine; `gate` holds up its tasks, `ran` tells their steps."""

    def __init__(
        self, name: str, bus: Bus, wire: Proxy, ack_wait: float, *, clock_off: timedelta, slots: int
    ) -> None:
        self.name, self.bus, self.wire = name, bus, wire
        self.gate, self.ran = asyncio.Event(), []

        def now() -> datetime:
            return datetime.now(UTC) + clock_off

        self.env = Env(
            events=bus.events, lines=bus.lines, objects=bus.objects, registry=self._tasks(),
            owner=Owner(worker_id=name, connection=name),
            moment=lambda: Moment(now=now(), new_id=new_id, actor=name), random=random, alive=_nobody, holds={},
            now=now, grace=0.2,
        )  # fmt: skip
        self.hints = bus.hints(PROJECT, ["default"])
        about = About(
            project=PROJECT,
            host="here",
            pid=1,
            version="0",
            queues=("default",),
            slots=slots,
            started_at=now(),
        )
        self.engine = Engine(self.env, self.hints, bus.messages, about, lease=Lease(ack_wait=ack_wait))

    def die(self) -> None:
        """For all others it is gone: nothing of it gets through any more, until `revive`."""
        self.wire.refuse = True
        self.wire.cut()

    def revive(self) -> None:
        """What it did not know it has missed reaches it now."""
        self.wire.refuse = False

    def _tasks(self) -> Registry:
        registry = Registry()

        async def step(name: str) -> str:
            self.ran.append(name)
            return name

        @registry.task
        async def gated() -> str:
            await context.step("before", step, "before")
            await self.gate.wait()
            return await context.step("after", step, "after")

        @registry.task
        async def deadly() -> None:
            self.die()
            await self.gate.wait()

        @registry.task
        async def asks() -> str:
            return await asking.ask("Go on?")

        @registry.task
        async def sleeps() -> str:
            await context.sleep(2.1)  # long enough to be durable
            return "woke"

        return registry


class Shop:
    """A server with one queue, somebody who submits and asks, and any number of workers."""

    def __init__(self, bus: Bus, url: str, ack_wait: float, stack: contextlib.AsyncExitStack) -> None:
        self.bus, self._url, self._ack_wait, self._stack = bus, url, ack_wait, stack
        self.moment = Moment(now=datetime.now(UTC), new_id=new_id, actor="key:test")

    async def worker(
        self, name: str, *, start: bool = True, clock_off: timedelta = timedelta(), slots: int = 1
    ) -> Worker:
        """A worker; started, it takes hints at once."""
        wire = await self._stack.enter_async_context(proxy_to(self._url))
        bus = await open_bus(wire.url, name, lambda: None)
        worker = Worker(name, bus, wire, self._ack_wait, clock_off=clock_off, slots=slots)
        self._stack.push_async_callback(self._end, worker, started=start)
        if start:
            await worker.engine.start()
        return worker

    async def _end(self, worker: Worker, *, started: bool) -> None:
        worker.revive()
        worker.gate.set()
        if started:
            await worker.engine.drain(0.0)
        await worker.bus.close()

    async def submit(self, task: str, **given: Any) -> str:
        """Accept an execution; its id."""
        event = decide.submit(
            execution_id=new_id(), project=PROJECT, moment=self.moment, queue="default", priority=5, run_at=None,
            task=task, input=msgspec.Raw(msgspec.json.encode(given)),
        )  # fmt: skip
        decision = Decision(project=PROJECT, execution_id=event.execution_id, expected=0, events=(event,))
        await self.bus.events.append(decision)
        return event.execution_id

    async def log(self, execution_id: str) -> Log:
        """Its log as it is."""
        log = await self.bus.events.read(PROJECT, execution_id)
        assert log is not None
        return log

    async def until_there(self, execution_id: str) -> None:
        """Wait until its log has begun."""

        async def begun() -> bool:
            return await self.bus.events.read(PROJECT, execution_id) is not None

        await until(begun)

    async def types(self, execution_id: str) -> list[str]:
        """The types of its events, in order."""
        return [ev.event_type(item.event) for item in (await self.log(execution_id)).stored]

    async def until(self, execution_id: str, is_so: Any, *, timeout: float = 40.0) -> Execution:
        """Its state once `is_so(state)`."""
        state = (await self.log(execution_id)).execution

        async def look() -> bool:
            nonlocal state
            state = (await self.log(execution_id)).execution
            return is_so(state)

        await until(look, timeout=timeout)
        return state

    async def command(self, execution_id: str, make: Any) -> None:
        """Append what `make(state, moment)` decides."""
        log = await self.log(execution_id)
        made = make(log.execution, self.moment)
        await self.bus.events.append(
            Decision(project=PROJECT, execution_id=execution_id, expected=log.sequence, events=made)
        )

    async def hints(self) -> int:
        """How many hints WORK holds."""
        body = {"subjects_filter": f"onward.work.{PROJECT}.>"}
        info = await call(self.bus.connection, f"STREAM.INFO.{subjects.WORK}", body)
        return sum((info["state"].get("subjects") or {}).values())

    async def until_hints(self, count: int) -> None:
        """Wait until WORK holds so many."""

        async def so_many() -> bool:
            return await self.hints() == count

        await until(so_many)


@contextlib.asynccontextmanager
async def shop_over(bus: Bus, url: str, *, ack_wait: float) -> AsyncIterator[Shop]:
    """A shop for the time of a `with`; its workers end with it."""
    await ensure_queue(bus.connection, PROJECT, "default", ack_wait=ack_wait)
    async with contextlib.AsyncExitStack() as stack:
        yield Shop(bus, url, ack_wait, stack)


async def _nobody(_: str, __: str) -> bool:
    return False
