"""What a task's code holds while it runs: steps with saved results, sleeps, questions, progress, log lines."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, get_type_hints

import msgspec

from onward.contract import events as ev
from onward.contract.decide import envelope
from onward.contract.execution import Execution, Wait
from onward.contract.log import Log
from onward.contract.retry import Retry
from onward.tasks import codec
from onward.tasks.outcome import Fatal, Interrupted, RetryAfter
from onward.telemetry.trace import span
from onward.worker.failure import describe
from onward.worker.hold import Cancelling, Hold, Lost
from onward.worker.logs import LineWriter
from onward.worker.threads import Thread

SHORT = 2.0
"""Sleeps up to this many seconds stay in memory."""
SETTLE = 0.02
"""Seconds in which nothing else moves before a waiting execution is suspended."""

_scope: ContextVar[str] = ContextVar("onward_scope", default="")
_step_key: ContextVar[str] = ContextVar("onward_step_key", default="")
current_step: ContextVar[str | None] = ContextVar("onward_step", default=None)


class Session:
    """One attempt of one execution, seen from its code. Implements onward.tasks.context.Session."""

    def __init__(self, hold: Hold, lines: LineWriter, random: Callable[[], float]) -> None:
        self.loop = asyncio.get_running_loop()
        self.execution_id, self.attempt = hold.state.id, hold.state.attempt
        self.interrupted: str | None = None
        """Why the code is being stopped: suspend, cancel, lost, timeout, drain."""
        self.stop: Callable[[], None] = lambda: None
        self._hold, self._lines, self._random = hold, lines, random
        self._memo = hold.log.checkpoints()
        self._counts: dict[tuple[str, str], int] = {}
        self._steps_in_flight = 0
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._blocked_on: tuple[str, ...] = ()
        self._quiet: asyncio.TimerHandle | None = None
        self._progress_at = float("-inf")

    def interrupt(self, why: str) -> None:
        """Stop the code at its next await; the first reason stands, but for losing the execution."""
        if self.interrupted is None or why == "lost":
            self.interrupted, self._blocked_on = why, tuple(self._waiting)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Interrupted(why))
        self.stop()

    def noticed(self, state: Execution) -> None:
        """Something was appended by somebody else: wake the waits that are over."""
        for key, future in self._waiting.items():
            wait = state.waits.get(key)
            if wait is not None and wait.done and not future.done():
                future.set_result(None)

    # Steps

    def step(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None,
        retry: Retry, timeout: float | None, returns: Any,
    ) -> Coroutine[Any, Any, Any]:  # fmt: skip
        """The step as an awaitable; its place among its namesakes is counted now, not when it runs."""
        scope = _scope.get()
        place = self._place(scope, name) if key is None else key
        return self._step(scope, name, place, _Call(fn, args, kwargs, timeout, returns), retry)

    def _place(self, scope: str, name: str) -> str:
        count = self._counts[scope, name] = self._counts.get((scope, name), 0) + 1
        return "" if count == 1 else f"#{count}"

    async def _step(self, scope: str, name: str, key: str, call: "_Call", retry: Retry) -> Any:
        saved = self._memo.get((scope, name, key))
        if saved is not None:
            return call.read(saved.result)
        self._check_open()
        self._steps_in_flight += 1
        started = self.loop.time()
        try:
            result, tries = await self._tries(scope, name, key, call, retry)
            raw = codec.encode(result, f"the result of step {name}")
            took = round((self.loop.time() - started) * 1000, 3)
            arguments = codec.fingerprint(call.args, call.kwargs)
            await self._append(
                ev.CheckpointReached, attempt=self.attempt, kind="step", scope=scope, name=name, key=key, result=raw,
                arguments=arguments, tries=tries, duration_ms=took,
            )  # fmt: skip
            return call.read(raw)
        finally:
            self._steps_in_flight -= 1
            self._settle()

    async def _tries(self, scope: str, name: str, key: str, call: "_Call", retry: Retry) -> tuple[Any, int]:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._within(scope, name, key, call), tries
            except (Interrupted, asyncio.CancelledError, Lost, Cancelling):
                raise
            except Exception as error:
                delay = _delay(error, retry, tries, self._random)
                if retry.attempts > 1:
                    await self._append(
                        ev.StepFailed, attempt=self.attempt, scope=scope, name=name, key=key, tries=tries,
                        error=describe(error), delay_ms=None if delay is None else delay * 1000,
                    )  # fmt: skip
                if delay is None:
                    raise
                await asyncio.sleep(delay)

    async def _within(self, scope: str, name: str, key: str, call: "_Call") -> Any:
        outer = _scope.set(f"{scope}/{name}{key}"), _step_key.set(f"{self.execution_id}{scope}/{name}/{key}")
        step = current_step.set(name)
        try:
            with span("onward.step", step_name=name, step_key=key or None, execution_id=self.execution_id):
                return await call.run(f"onward-step-{name}")
        finally:
            current_step.reset(step)
            _step_key.reset(outer[1])
            _scope.reset(outer[0])

    # Waits

    async def sleep(self, seconds: float) -> None:
        """Sleep; above 2 s durably."""
        if seconds <= SHORT:
            await asyncio.sleep(seconds)
            return
        scope = _scope.get()
        key = f"{scope}/sleep{self._place(scope, 'sleep')}".lstrip("/")
        if key not in self._hold.state.waits:
            until = self._hold.moment().now + timedelta(seconds=seconds)
            await self._append(ev.Slept, wait=key, until=until)
        await self._wait(key)

    async def ask(self, text: str, choices: tuple[str, ...], wanted: Any) -> Any:
        """The answer a person gave, as `wanted`; suspends until there is one."""
        scope = _scope.get()
        key = (
            f"{scope}/question{self._place(scope, 'question')}".lstrip("/")
            .replace("/", ".")
            .replace("#", "-")
        )
        if key not in self._hold.state.waits:
            schema = None if wanted is None or choices else codec.schema(wanted)
            raw = None if schema is None else msgspec.Raw(msgspec.json.encode(schema))
            await self._append(ev.QuestionAsked, wait=key, text=text, choices=choices, schema=raw)
        await self._wait(key)
        answer = self._hold.state.waits[key].answer
        return codec.decode(answer or b"null", Any if wanted is None else wanted)

    async def _wait(self, key: str) -> None:
        wait = self._hold.state.waits[key]
        if wait.done:
            return
        self._check_open()
        future = self._waiting[key] = self.loop.create_future()
        timer = self._end_in_memory(wait, future)
        self._settle()
        try:
            await future
        finally:
            del self._waiting[key]
            if timer is not None:
                timer.cancel()

    def _end_in_memory(self, wait: Wait, future: asyncio.Future[None]) -> asyncio.TimerHandle | None:
        # While other branches keep the execution in memory, a sleep ends here; suspended, its timer ends it.
        if wait.until is None:
            return None
        seconds = (wait.until - self._hold.moment().now).total_seconds()
        return self.loop.call_later(max(0.0, seconds), _over, future)

    def _settle(self) -> None:
        """Suspend soon, if all that is left to do is to wait."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if self._waiting and not self._steps_in_flight and self.interrupted is None:
            self._quiet = self.loop.call_later(SETTLE, self._suspend_if_quiet)

    def _suspend_if_quiet(self) -> None:
        still = [f for f in self._waiting.values() if not f.done()]
        if still and len(still) == len(self._waiting) and not self._steps_in_flight:
            self.interrupt("suspend")

    def suspension(self, state: Execution) -> tuple[ev.AnyEvent, ...]:
        """The event that lets go of an execution that only waits; none where a wait is over by now."""
        waits = [state.waits[key] for key in self._blocked_on]
        if any(w.done for w in waits):
            return ()
        due = min((w.until for w in waits if w.until), default=None)
        reason = "waiting_for_input" if any(w.kind == "question" for w in waits) else "sleeping"
        return (ev.Suspended(**{**envelope(state, self._hold.moment()), "due": due}, reason=reason),)

    # State, progress, output, log lines

    async def checkpoint(self, name: str, state: Any) -> None:
        """Save `state` under `name`; the latest one is read back."""
        raw = codec.encode(state, f"checkpoint {name}")
        log = await self._append(
            ev.CheckpointReached, attempt=self.attempt, kind="state", name=name, key="=", result=raw
        )
        event = log.stored[-1].event
        if isinstance(event, ev.CheckpointReached):
            self._memo["", name, "="] = event

    def load_checkpoint(self, name: str, wanted: Any) -> Any:
        """The state saved last under `name`, or None."""
        saved = self._memo.get(("", name, "="))
        return None if saved is None else codec.decode(saved.result, wanted)

    async def progress(self, fraction: float | None, message: str | None) -> None:
        """One event at most a second; what comes in between is a log line."""
        text = "progress" if fraction is None else f"progress {fraction:.0%}"
        self._lines.write("info", "system", f"{text}: {message}" if message else text, current_step.get())
        if self.loop.time() - self._progress_at < 1.0 and fraction != 1:
            return
        self._progress_at = self.loop.time()
        await self._append(ev.Progressed, fraction=fraction, message=message)

    async def emit(self, name: str, value: Any) -> None:
        """Append an output."""
        raw = codec.encode(value, f"output {name}")
        await self._append(ev.OutputGenerated, name=name, value=raw)

    def log(self, level: str, text: str) -> None:
        """Write a log line."""
        self._lines.write(level, "log", text, current_step.get())

    def idempotency_key(self) -> str:
        """Stable over attempts: of the step that runs, else of the execution."""
        return _step_key.get() or self.execution_id

    async def _append(self, made: type[ev.Event], /, **fields: Any) -> Log:
        self._check_open()

        def decide(state: Execution) -> tuple[Any, ...]:
            return (made(**envelope(state, self._hold.moment()), **fields),)

        try:
            log = await self._hold.append(decide)
        except Lost:
            self.interrupt("lost")
            raise Interrupted("lost") from None
        except Cancelling:
            self.interrupt("cancel")
            raise Interrupted("cancel") from None
        self.noticed(self._hold.state)
        return log

    def _check_open(self) -> None:
        if self.interrupted is not None:
            raise Interrupted(self.interrupted)


def _delay(error: Exception, retry: Retry, tries: int, random: Callable[[], float]) -> float | None:
    """Seconds until a failed step is tried again; None: not at all."""
    delay = None if isinstance(error, Fatal) else retry.delay(tries, random)
    return error.seconds if delay is not None and isinstance(error, RetryAfter) else delay


def _over(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


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

    async def run(self, thread_name: str) -> Any:
        async with asyncio.timeout(self.timeout):
            if inspect.iscoroutinefunction(inspect.unwrap(self.fn)):
                return await self.fn(*self.args, **self.kwargs)
            result = await Thread(lambda: self.fn(*self.args, **self.kwargs), thread_name).future
            return await result if isinstance(result, Awaitable) else result

    def read(self, raw: msgspec.Raw) -> Any:
        """The saved result, as the function's return annotation says."""
        wanted = self._returns
        if wanted is None:
            try:
                wanted = get_type_hints(self.fn).get("return", Any)
            except (NameError, TypeError, AttributeError):
                wanted = Any
        return codec.decode(raw, codec.usable(wanted))
