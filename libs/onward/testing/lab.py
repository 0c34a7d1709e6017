"""A Lab runs tasks in a test: the worker's own engine, a log and a queue in memory, and a clock that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, ParamSpec, Self, TypeVar

import msgspec

from onward.bus.values import Values
from onward.contract import subjects
from onward.contract.events import AnyEvent, CheckpointReached
from onward.contract.execution import Execution
from onward.contract.lines import Chunk
from onward.contract.log import Log, Stored
from onward.tasks import codec
from onward.tasks.registry import Registry, Task
from onward.testing.answering import Answer, Command
from onward.testing.bus import EPOCH, MemoryBus
from onward.testing.capture import capture
from onward.testing.clock import VirtualClock
from onward.testing.crash import Play, crash_with
from onward.testing.crash_report import CrashReport
from onward.testing.effects import Effect, Recorder, recording
from onward.testing.installation import PROJECT, Installation, Wrap
from onward.testing.replay import ReplayDiffers, can_replay, replayed
from onward.testing.run import Run, Stuck
from onward.testing.starting import Starting
from onward.testing.step_tries import Failing, StepTries, Tried
from onward.testing.telling import why_stuck
from onward.worker.around import StepTry, around_steps

P = ParamSpec("P")
T = TypeVar("T")
FOR_EVER = float("inf")


class LabBus(MemoryBus):
    """A bus whose time begins when the Lab does. Nobody's lease runs out: a dead worker is noticed at once."""

    def __init__(self, seed: int, start: datetime) -> None:
        super().__init__(Random(seed), ack_wait=FOR_EVER)
        self._start, self._clock = start, asyncio.get_running_loop().time
        self._began = self._clock()

    def now(self) -> datetime:
        """The time of day in the Lab; asked on threads, too."""
        return self._start + timedelta(seconds=self._clock() - self._began)


class Lab(Starting):
    """Runs the tasks of a registry in process, on a virtual clock: `async with Lab(registry) as lab:`.

    Time moves while the test waits for something, and then as far as the next thing to happen: an hour of sleep costs
    nothing. It works on any event loop of asyncio's own, so with pytest-asyncio, anyio or a plain `asyncio.run`.
    """

    def __init__(
        self, registry: Registry, *, workers: int = 1, slots: int = 100, seed: int = 0, start: datetime = EPOCH,
        check_replay: bool = False, grace: float = 1.0,
    ) -> None:  # fmt: skip
        self.registry = registry
        self.effects: list[Effect] = []
        """What the fakes said with `effect(...)`, in order."""
        self._number, self._slots, self._seed, self._start = workers, slots, seed, start.astimezone(UTC)
        self._grace, self._started = grace, 0
        self._check_replay = check_replay
        self.answers: list[Answer] = []

    # The test around it

    async def __aenter__(self) -> Self:
        self._clock = VirtualClock()
        self._clock.__enter__()
        self._clock.stuck = lambda: self.inside.give_up(self._why_stuck)
        self._factory = asyncio.get_running_loop().get_task_factory()
        capture.enter()
        self.inside = Installation(self.registry, LabBus(self._seed, self._start))
        self._ever_saved: set[StepTry] = set()
        self.inside.bus.events.listeners.append(self._heard)
        self._tries = StepTries(self.inside.bus.now, self._is_saved)
        for _ in range(self._number):
            await self.start_worker()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        wrong: list[Exception] = [found for answer in self.answers if (found := answer.end()) is not None]
        if self._check_replay and error is None and not wrong:
            wrong += await self._replay()
        await self.inside.end()
        capture.leave()
        asyncio.get_running_loop().set_task_factory(self._factory)
        self._clock.__exit__()
        if wrong and error is None:
            raise wrong[0]

    async def _replay(self) -> list[Exception]:
        """Run the code of all that completed twice more on what is saved; what differs."""
        for execution_id in [e for e in self.executions if can_replay(self.log_of(e))]:
            for number in (1, 2):
                twin = Installation(self.registry, LabBus(self._seed, self.now))
                differs = await replayed(self.inside.bus, twin, execution_id, f"replay-{number}")
                await twin.end()
                if differs:
                    task = self.state_of(execution_id).task
                    return [ReplayDiffers(f"replay {number} of {task}: {'; '.join(differs)}")]
        return []

    # Executions

    async def submit(
        self, task: Task[..., T] | str, input: Any = None, *, delay: timedelta | float = 0.0,
        labels: dict[str, str] | None = None,
    ) -> Run[T]:  # fmt: skip
        """Submit as REST does: a task or its name, and its input object."""
        known: Task[..., T] = self.known(task)
        raw = codec.encode({} if input is None else input, "the input")
        known.takes.arguments(raw)
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        execution_id = await self.inside.submit(known.name, raw, delay=seconds, labels=labels)
        return Run(self, execution_id, known.takes.returns)

    # Time

    @property
    def now(self) -> datetime:
        """The time of day in the Lab."""
        return self.inside.bus.now()

    async def skip(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Let so much time pass; all that is due on the way happens, in its order."""
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        await asyncio.sleep(span.total_seconds())
        await self.settle()

    async def settle(self) -> None:
        """Let everything happen that needs no more than a moment."""
        await asyncio.sleep(0.1)

    async def command(self, run: Run[Any], make: Command) -> None:
        """See Starting."""
        await self.inside.command(run.id, make)

    # Bad days

    def fail_step(
        self, name: str, error: BaseException | type[BaseException], *, times: int = 1, after: bool = False,
        run: Run[Any] | None = None,
    ) -> None:  # fmt: skip
        """Let the next `times` tries of this step fail: in place of its function, or (`after`) when that has run."""
        self._tries.failing.append(Failing(name, error, times, after, run.id if run else None))

    async def restart(self) -> None:
        """Kill all workers, mid-work, and start as many others."""
        names = list(self.inside.workers)
        for name in names:
            self.kill_worker(name)
        for _ in names:
            await self.start_worker()

    def kill_worker(self, name: str) -> None:
        """SIGKILL. What it held is given to others at once, as a supervisor does."""
        hints = self.inside.workers[name].hints
        self.inside.kill(name)
        hints.release()

    async def crash_everywhere(
        self,
        task: Task[..., Any] | str,
        input: Any = None,
        *,
        play: Play | None = None,
        same_output: bool = True,
    ) -> CrashReport:
        """Run a task in Labs of its own, killing its worker before and after every append: see crash_everywhere."""
        return await crash_with(self._another, task, input, play=play, same_output=same_output)

    def _another(self, workers: int) -> "Lab":
        return Lab(
            self.registry, workers=workers, slots=self._slots, seed=self._seed, start=self._start, grace=self._grace
        )  # fmt: skip

    async def start_worker(self, wrap: Wrap | None = None) -> str:
        """One worker more; its name."""
        self._started += 1
        name = f"worker-{self._started}"
        queues = ("default", *sorted({task.spec.queue for task in self.registry} - {"default"}))
        recorder = Recorder(self.effects, lambda: name not in self.inside.workers)
        tokens = around_steps.set(self._tries.around), recording.set(recorder)
        try:
            await self.inside.worker(
                name, slots=self._slots, grace=self._grace, queues=queues, kept=True, wrap=wrap
            )
        finally:
            around_steps.reset(tokens[0])
            recording.reset(tokens[1])
        return name

    # What there is to see

    @property
    def tried(self) -> list[Tried]:
        """Every try of a step that began, of all executions, in order."""
        return self._tries.tried

    @property
    def executions(self) -> list[str]:
        """The ids of all executions, children too, in the order in which they were accepted."""
        return self.inside.bus.events.ids(PROJECT)

    def log_of(self, execution_id: str) -> Log:
        """The whole log of an execution."""
        return Log.of(self.inside.bus.events.read(PROJECT, execution_id, 0, 2**63))

    def state_of(self, execution_id: str) -> Execution:
        """See Place."""
        return self.log_of(execution_id).execution

    def events_of(self, execution_id: str) -> list[AnyEvent]:
        """See Place."""
        return [stored.event for stored in self.log_of(execution_id).stored]

    def lines_of(self, execution_id: str) -> list[str]:
        """See Place."""
        chunks = self.inside.bus.lines.chunks.get(subjects.logs(PROJECT, execution_id), ())
        return [line.text for raw in chunks for line in msgspec.json.decode(raw.data, type=Chunk).lines]

    def until(
        self, execution_id: str, is_so: Callable[[Execution], bool], within: float | None = None
    ) -> Awaitable[Execution]:
        """See Place."""
        return self.inside.until(execution_id, is_so, within)

    async def whole(self, execution_id: str, raw: msgspec.Raw) -> msgspec.Raw:
        """See Place."""
        return await Values(self.inside.gateway.objects).whole(PROJECT, execution_id, raw)

    def _is_saved(self, step: StepTry) -> bool:
        # Most were never saved: the whole log is folded only for those that once were.
        if step not in self._ever_saved:
            return False
        return (step.scope, step.name, step.key) in self.log_of(step.execution_id).checkpoints()

    def _heard(self, stored: Stored) -> None:
        event = stored.event
        if isinstance(event, CheckpointReached):
            self._ever_saved.add(StepTry(event.execution_id, event.scope, event.name, event.key))

    def _why_stuck(self, execution_id: str) -> Exception:
        return Stuck(why_stuck(self.state_of(execution_id), self.registry))
