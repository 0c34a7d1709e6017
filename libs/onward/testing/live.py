"""A Lab on a live installation: the real log, queue, gateway and clock, and a worker in the test's own process."""

import asyncio
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Self, TypeVar

import msgspec

from onward.bus import config
from onward.bus.bus import open_bus
from onward.bus.values import Values
from onward.client.client import Client
from onward.contract import subjects
from onward.contract.decide import Moment, Owner
from onward.contract.errors import FenceLost, NotFound
from onward.contract.events import AnyEvent
from onward.contract.execution import Execution
from onward.contract.lines import Chunk
from onward.contract.log import Decision, Log
from onward.contract.submission import QueueSpec
from onward.process.fresh import new_id
from onward.tasks import codec
from onward.tasks.registry import Registry, Task
from onward.testing.answering import Answer, Command
from onward.testing.capture import capture
from onward.testing.effects import Effect, Recorder, recording
from onward.testing.installation import PROJECT
from onward.testing.run import Run
from onward.testing.starting import Starting
from onward.testing.step_tries import Failing, StepTries, Tried
from onward.worker.around import StepTry, around_steps
from onward.worker.attempt import Env
from onward.worker.engine import Engine
from onward.worker.keeper import About
from onward.worker.permit import Permits

T = TypeVar("T")
LOOK_EVERY = 0.02
VIRTUAL = {
    "now",
    "restart",
    "kill_worker",
    "start_worker",
    "crash_everywhere",
    "log_of",
    "executions",
    "inside",
}
"""What only a Lab in memory has."""
LONGEST_SKIP = 5.0
"""Seconds that a live Lab is ready to wait for real."""


class NeedsVirtualClock(Exception):
    """This test moves time or kills workers, which a live installation does not let it do."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """A live installation."""

    url: str
    api_key: str | None = None
    nats_url: str


class LiveLab(Starting):
    """As Lab, on a live installation. What needs the virtual clock raises NeedsVirtualClock."""

    def __init__(
        self, registry: Registry, where: Where, *, slots: int = 100, grace: float = 1.0, **_: Any
    ) -> None:
        self.registry, self._where = registry, where
        self.effects: list[Effect] = []
        self.answers: list[Answer] = []
        self._slots, self._grace = slots, grace
        self._logs: dict[str, Log] = {}
        self._lines: dict[str, list[str]] = {}
        self._tries = StepTries(None, self._is_saved)

    async def __aenter__(self) -> Self:
        worker_id = new_id()
        self._bus = await open_bus(self._where.nats_url, worker_id, lambda: None)
        self._client = Client(self._where.url, self._where.api_key)
        capture.enter()
        queues = ("default", *sorted({task.spec.queue for task in self.registry} - {"default"}))
        await self._announce(queues)
        env = Env(
            events=self._bus.events, lines=self._bus.lines, objects=self._bus.objects, registry=self.registry,
            moment=_moment, owner=Owner(worker_id=worker_id, connection=worker_id), random=random.random, alive=_nobody,
            holds={}, now=lambda: datetime.now(UTC), grace=self._grace,
            permit=Permits(self._bus.messages).ask,
        )  # fmt: skip
        about = About(
            project=PROJECT, host="test", pid=os.getpid(), version="test", queues=queues, slots=self._slots,
            started_at=datetime.now(UTC), connections=(worker_id,),
        )  # fmt: skip
        self._engine = Engine(env, self._bus.hints(PROJECT, queues), self._bus.messages, about)
        tokens = (
            around_steps.set(self._tries.around),
            recording.set(Recorder(self.effects, lambda: False)),
        )
        try:
            await self._engine.start()
        finally:
            around_steps.reset(tokens[0])
            recording.reset(tokens[1])
        return self

    async def _announce(self, queues: tuple[str, ...]) -> None:
        for queue in queues:
            spec = msgspec.json.encode(QueueSpec(name=queue))
            await config.keep(self._bus.connection, PROJECT, "queue", queue, spec, replace=False)
        for task in self.registry:
            await config.keep(
                self._bus.connection, PROJECT, "task", task.name, msgspec.json.encode(task.spec)
            )

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        wrong = [found for answer in self.answers if (found := answer.end()) is not None]
        await self._engine.drain(self._grace)
        await self._bus.close()
        await asyncio.to_thread(self._client.close)
        capture.leave()
        if wrong and error is None:
            raise wrong[0]

    async def submit(
        self, task: Task[..., T] | str, input: Any = None, *, delay: timedelta | float = 0.0,
        labels: dict[str, str] | None = None,
    ) -> Run[T]:  # fmt: skip
        """Submit over REST."""
        known: Task[..., T] = self.known(task)
        given = msgspec.json.decode(codec.encode({} if input is None else input, "the input"))
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        more: dict[str, Any] = {"delay": seconds} if seconds else {}
        accepted = await asyncio.to_thread(
            self._client.submit, known.name, given, idempotency_key=new_id(), labels=labels or {}, **more
        )
        return Run(self, str(accepted["id"]), known.takes.returns)

    async def command(self, run: Run[Any], make: Command) -> None:
        """See Starting."""
        while True:
            log = await self._read(run.id)
            if not (events := make(log.execution, _moment())):
                return
            try:
                await self._bus.events.append(
                    Decision(project=PROJECT, execution_id=run.id, expected=log.sequence, events=events)
                )
            except FenceLost:
                continue
            await self._bus.messages.publish(subjects.control(PROJECT, run.id), b"")
            return

    async def skip(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Wait for real, up to 5 s. Raises NeedsVirtualClock above."""
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
        if span > LONGEST_SKIP:
            _refuse(f"skip() of {span:.0f} s")
        await asyncio.sleep(span)

    async def settle(self) -> None:
        """Let everything happen that needs no more than a moment."""
        await asyncio.sleep(0.5)

    def fail_step(
        self, name: str, error: BaseException | type[BaseException], *, times: int = 1, after: bool = False,
        run: Run[Any] | None = None,
    ) -> None:  # fmt: skip
        """See Lab.fail_step."""
        self._tries.failing.append(Failing(name, error, times, after, run.id if run else None))

    @property
    def tried(self) -> list[Tried]:
        """Every try of a step that began here."""
        return self._tries.tried

    def __getattr__(self, name: str) -> Any:
        if name in VIRTUAL:
            _refuse(name)
        raise AttributeError(name)

    def state_of(self, execution_id: str) -> Execution:
        """As it was when it was waited for last."""
        return self._logs[execution_id].execution

    def events_of(self, execution_id: str) -> list[AnyEvent]:
        """As they were when it was waited for last."""
        return [stored.event for stored in self._logs[execution_id].stored]

    def lines_of(self, execution_id: str) -> list[str]:
        """As they were when it was waited for last."""
        return self._lines.get(execution_id, [])

    async def until(
        self, execution_id: str, is_so: Callable[[Execution], bool], within: float | None = None
    ) -> Execution:
        """See Place."""
        async with asyncio.timeout(60.0 if within is None else within):
            while not is_so((await self._read(execution_id)).execution):  # noqa: ASYNC110 - its log is asked
                await asyncio.sleep(LOOK_EVERY)
        chunks = await self._bus.lines.read(PROJECT, execution_id)
        self._lines[execution_id] = [
            line.text for raw in chunks for line in msgspec.json.decode(raw.data, type=Chunk).lines
        ]
        return self._logs[execution_id].execution

    async def _read(self, execution_id: str) -> Log:
        known = self._logs.get(execution_id)
        log = (
            await self._bus.events.read(PROJECT, execution_id)
            if known is None
            else await self._bus.events.read_on(known)
        )
        if log is None:
            raise NotFound(f"no execution {execution_id}")
        self._logs[execution_id] = log
        return log

    async def whole(self, execution_id: str, raw: msgspec.Raw) -> msgspec.Raw:
        """See Place."""
        return await Values(self._bus.objects).whole(PROJECT, execution_id, raw)

    def _is_saved(self, step: StepTry) -> bool:
        log = self._logs.get(step.execution_id)
        return log is not None and (step.scope, step.name, step.key) in log.checkpoints()


def _refuse(what: str) -> NoReturn:
    raise NeedsVirtualClock(
        f"{what} needs the virtual clock: mark the test with @pytest.mark.onward_virtual_clock, "
        "and --onward-live leaves it out"
    )


def _moment() -> Moment:
    return Moment(now=datetime.now(UTC), new_id=new_id, actor="test")


async def _nobody(_: str, __: str) -> bool:
    return False
