"""One call of an author's function as a step: on the loop or on a thread, with its place around it."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, get_type_hints

import msgspec

from onward.tasks import codec
from onward.telemetry.trace import span
from onward.worker import blocking
from onward.worker.course import Course
from onward.worker.places import scope_here

step_key: ContextVar[str] = ContextVar("onward_step_key", default="")
current_step: ContextVar[str | None] = ContextVar("onward_step", default=None)


class Call:
    """A call of a step's function: on the loop when it is a coroutine function, else on a thread."""

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        timeout: float | None,
        returns: Any = None,
    ) -> None:
        self.fn, self.args, self.kwargs, self.timeout = fn, args, kwargs, timeout
        self._returns = returns

    async def run(self, course: Course, scope: str, name: str, key: str) -> Any:
        """What the function returns; the code in it sees which step it is in."""
        execution_id = course.execution_id
        outer = scope_here.set(f"{scope}/{name}{key}"), step_key.set(f"{execution_id}{scope}/{name}/{key}")
        step = current_step.set(name)
        try:
            with span("onward.step", step_name=name, step_key=key or None, execution_id=execution_id):
                return await self._run(name, course)
        finally:
            current_step.reset(step)
            step_key.reset(outer[1])
            scope_here.reset(outer[0])

    async def _run(self, name: str, course: Course) -> Any:
        async with asyncio.timeout(self.timeout):
            if inspect.iscoroutinefunction(inspect.unwrap(self.fn)):
                return await self.fn(*self.args, **self.kwargs)
            call = blocking.start(self.fn, self.args, self.kwargs, name=f"onward-step-{name}", step=name)
            result = await blocking.finished(
                call, f"step {name}", grace=course.grace, stopping=lambda: course.interrupted is not None
            )
            return await result if isinstance(result, Awaitable) else result

    def read(self, raw: msgspec.Raw) -> Any:
        """The saved result, as the function's return annotation says."""
        wanted = hints_of(self.fn).get("return", Any) if self._returns is None else self._returns
        return codec.decode(raw, codec.usable(wanted))


@functools.lru_cache(maxsize=1024)
def hints_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function; none where they cannot be resolved."""
    try:
        return get_type_hints(inspect.unwrap(fn))
    except (NameError, TypeError, AttributeError):
        return {}
