"""What a Lab in memory and one on a live installation have in common: starting, answering, sending."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from onward.contract import commands
from onward.contract.errors import UnknownTask
from onward.contract.execution import Execution
from onward.tasks import codec
from onward.tasks.registry import Registry, Task
from onward.testing.answering import Answer, Command, answering
from onward.testing.run import Place, Run

P = ParamSpec("P")
T = TypeVar("T")


class Starting(Place, Protocol):
    """Where a test starts executions, and does what people and programs do to them."""

    registry: Registry
    answers: list[Answer]

    async def submit(
        self, task: Task[..., T] | str, input: Any = None, *, delay: timedelta | float = 0.0,
        labels: dict[str, str] | None = None,
    ) -> Run[T]:  # fmt: skip
        """Submit as REST does: a task or its name, and its input object."""
        ...

    async def command(self, run: Run[Any], make: Command) -> None:
        """Append what `make(state, moment)` decides."""
        ...

    async def start(self, task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> Run[T]:
        """Submit an execution of a task with these arguments."""
        return await self.submit(task, task.takes.input(args, kwargs))

    async def run(self, task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What a task returns: start it, and wait."""
        return await (await self.start(task, *args, **kwargs)).result()

    def run_of(self, execution_id: str) -> Run[Any]:
        """An execution that the test did not start itself, as a child."""
        return Run(self, execution_id)

    def known(self, task: Task[..., T] | str) -> Task[..., T]:
        """The task in the registry. Raises UnknownTask."""
        name = task if isinstance(task, str) else task.name
        if name not in self.registry.tasks:
            raise UnknownTask(
                f"this Lab's registry has no task {name}", fix="give the Lab the registry that has"
            )
        return self.registry.tasks[name]

    def answer(self, run: Run[Any], value: Any, *, question: str | None = None) -> Answer:
        """Answer the run's next question as soon as it is asked. Awaiting the answer is possible, not needed."""

        def until(is_so: Callable[[Execution], bool]) -> Awaitable[Execution]:
            return self.until(run.id, is_so, None)

        answer = answering(value, question, until=until, act=partial(self.command, run))
        self.answers.append(answer)
        return answer

    async def send(self, run: Run[Any], name: str, value: Any = None, *, key: str | None = None) -> None:
        """Send the run an event from outside."""
        raw = codec.encode(value, f"the event {name}")
        await self.command(run, partial(commands.receive, name=name, value=raw, key=key))

    async def cancel(self, run: Run[Any], because: str | None = None) -> None:
        """Cancel the run; its code stops at its next await."""
        await self.command(run, partial(commands.cancel, because=because))

    async def retry(self, run: Run[Any], *, from_start: bool = False) -> None:
        """Give a failed or cancelled run another life."""
        await self.command(run, partial(commands.retry, fresh=from_start))

    async def pause(self, run: Run[Any]) -> None:
        """Pause the run when its running steps have ended."""
        await self.command(run, partial(commands.pause, because=None))

    async def resume(self, run: Run[Any]) -> None:
        """On with what was paused."""
        await self.command(run, commands.resume)
