"""The steps of a running attempt: what is saved is not run again, what is new is paid for when it is stored."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, get_type_hints

import msgspec

from onward.contract import events as ev
from onward.contract.retry import Retry
from onward.tasks import codec
from onward.tasks.outcome import Fatal, Interrupted, RetryAfter
from onward.telemetry.trace import span
from onward.worker import blocking
from onward.worker.around import StepTry, tried
from onward.worker.course import Course
from onward.worker.failure import describe
from onward.worker.hold import Cancelling, Lost
from onward.worker.places import scope_here

step_key: ContextVar[str] = ContextVar("onward_step_key", default="")
current_step: ContextVar[str | None] = ContextVar("onward_step", default=None)


class Steps:
    """The steps of one attempt, and the results saved so far."""

    def __init__(self, course: Course, saved: dict[tuple[str, str, str], ev.CheckpointReached]) -> None:
        self._course = course
        self._saved = saved

    def call(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None,
        retry: Retry, timeout: float | None, returns: Any,
    ) -> Coroutine[Any, Any, Any]:  # fmt: skip
        """The step as an awaitable; its place among its namesakes is counted now, not when it runs."""
        scope = scope_here.get()
        place = self._course.places.next(scope, name) if key is None else key
        return self._step(scope, name, place, _Call(fn, args, kwargs, timeout, returns), retry)

    async def _step(self, scope: str, name: str, key: str, call: "_Call", retry: Retry) -> Any:
        saved = self._saved.get((scope, name, key))
        if saved is not None:
            return call.read(await self._course.hold.large.whole(saved.result))
        self._course.check_open()
        self._course.busy()
        started = self._course.loop.time()
        try:
            result, tries = await self._tries(scope, name, key, call, retry)
            raw = codec.encode(result, f"the result of step {name}")
            took = round((self._course.loop.time() - started) * 1000, 3)
            kept = await self._course.hold.large.keep(raw, f"the result of step {name}")
            arguments = codec.fingerprint(call.args, call.kwargs)
            await self._course.append(
                ev.CheckpointReached, attempt=self._course.attempt, kind="step", scope=scope, name=name, key=key,
                result=kept, arguments=arguments, tries=tries, duration_ms=took,
            )  # fmt: skip
            return call.read(raw)
        finally:
            self._course.idle()

    async def _tries(self, scope: str, name: str, key: str, call: "_Call", retry: Retry) -> tuple[Any, int]:
        tries = 0
        while True:
            tries += 1
            try:
                this = StepTry(self._course.execution_id, scope, name, key)
                return await tried(this, lambda: self._within(scope, name, key, call)), tries
            except (Interrupted, asyncio.CancelledError, Lost, Cancelling):
                raise
            except Exception as error:
                delay = _delay(error, retry, tries, self._course.random)
                if retry.attempts > 1:
                    await self._course.append(
                        ev.StepFailed, attempt=self._course.attempt, scope=scope, name=name, key=key, tries=tries,
                        error=describe(error), delay_ms=None if delay is None else delay * 1000,
                    )  # fmt: skip
                if delay is None:
                    raise
                await asyncio.sleep(delay)

    async def _within(self, scope: str, name: str, key: str, call: "_Call") -> Any:
        outer = (
            scope_here.set(f"{scope}/{name}{key}"),
            step_key.set(f"{self._course.execution_id}{scope}/{name}/{key}"),
        )
        step = current_step.set(name)
        try:
            with span(
                "onward.step", step_name=name, step_key=key or None, execution_id=self._course.execution_id
            ):
                return await call.run(name, self._course)
        finally:
            current_step.reset(step)
            step_key.reset(outer[1])
            scope_here.reset(outer[0])


def _delay(error: Exception, retry: Retry, tries: int, random: Callable[[], float]) -> float | None:
    """Seconds until a failed step is tried again; None: not at all."""
    delay = None if isinstance(error, Fatal) else retry.delay(tries, random)
    return error.seconds if delay is not None and isinstance(error, RetryAfter) else delay


class _Call:
    """A call of a step's function: on the loop when it is a coroutine function, else on a thread."""

    def __init__(
        self,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        timeout: float | None,
        returns: Any,
    ) -> None:
        self.fn, self.args, self.kwargs, self.timeout = fn, args, kwargs, timeout
        self._returns = returns

    async def run(self, name: str, course: Course) -> Any:
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
        wanted = self._returns
        if wanted is None:
            try:
                wanted = get_type_hints(inspect.unwrap(self.fn)).get("return", Any)
            except (NameError, TypeError, AttributeError):
                wanted = Any
        return codec.decode(raw, codec.usable(wanted))
