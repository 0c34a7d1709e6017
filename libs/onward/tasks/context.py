"""What a task's code calls while it runs: plain functions that find their execution by themselves.

Outside an execution a step just runs its function, so that tasks can be tried without a server.
"""

import asyncio
import inspect
import random as _random
import threading
import uuid as _uuid
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, Protocol, TypeVar, overload

import msgspec

from onward.contract.events import AgentSnapshot, TimeoutPolicy, Timeouts
from onward.tasks.awaited import AwaitedEvent, Question
from onward.tasks.children import Children, Order
from onward.tasks.outcome import Interrupted
from onward.tasks.policy import AT_MOST_ONCE, PLAIN, StepPolicy

P = ParamSpec("P")
T = TypeVar("T")


class Session(Protocol):
    """One attempt of an execution, as the functions below see it; the worker's engine provides it."""

    execution_id: str
    attempt: int
    agent: AgentSnapshot | None
    loop: asyncio.AbstractEventLoop

    def step(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None,
        policy: StepPolicy, returns: Any,
    ) -> Awaitable[Any]:  # fmt: skip
        """Run or skip a step; its place is counted now."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep, durably when it is long."""
        ...

    def ask(self, question: Question) -> Coroutine[Any, Any, Any]:
        """Ask a person; its place is counted now."""
        ...

    def wait_event(self, awaited: AwaitedEvent) -> Coroutine[Any, Any, Any]:
        """Wait for an event from outside; its place is counted now."""
        ...

    def send_event(
        self, execution_id: str, name: str, value: msgspec.Raw, key: str | None
    ) -> Awaitable[None]:
        """Send an event to another execution; its place is counted now."""
        ...

    def children(self, order: Order, key: str | None) -> Children:
        """The children of a call; its place is counted now."""
        ...

    async def checkpoint(self, name: str, state: Any) -> None:
        """Save state."""
        ...

    def load_checkpoint(self, name: str, wanted: Any) -> Any:
        """Read state back."""
        ...

    async def progress(self, fraction: float | None, message: str | None) -> None:
        """Say how far it is."""
        ...

    async def emit(self, name: str, value: Any) -> None:
        """Hand out a part of the output."""
        ...

    async def extend(self, more: TimeoutPolicy) -> None:
        """Take more time."""
        ...

    def log(self, level: str, text: str) -> None:
        """Write a line."""
        ...

    def output(self, text: str) -> None:
        """Hand out a piece of text."""
        ...

    def idempotency_key(self) -> str:
        """A key for outside effects."""
        ...


waiting_threads: dict[int, Future[Any]] = {}
"""What the threads of tasks wait for in `sync`: a virtual clock must know that they wait."""

current: ContextVar[Session | None] = ContextVar("onward_session", default=None)


def execution() -> Session | None:
    """The attempt this code runs in (`execution_id`, `attempt`), or None outside of one."""
    return current.get()


def call_step(
    name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None = None,
    policy: StepPolicy = PLAIN, returns: Any = None,
) -> Awaitable[Any]:  # fmt: skip
    """Run `fn` as a step; not a coroutine function, so that its place is counted when the call is made."""
    session = current.get()
    if session is None:
        return _just_run(fn, args, kwargs)
    return session.step(name, fn, args, kwargs, key=key, policy=policy, returns=returns)


async def _just_run(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = fn(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


@overload
def step(name: str, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...
@overload
def step(name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...
def step(name: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Awaitable[Any]:
    """Run any function as a step: its result is saved under `name` and not computed again."""
    return call_step(name, fn, args, kwargs)


@overload
def once(name: str, fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...
@overload
def once(name: str, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...
def once(name: str, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Awaitable[Any]:
    """Run any function as a step, at most once: after a crash in the middle of it a person says whether it happened."""
    return call_step(name, fn, args, kwargs, policy=AT_MOST_ONCE)


async def extend(
    *, attempt: float | None = None, execution: float | None = None, heartbeat: float | None = None
) -> None:
    """Take so many seconds more, from now on, where a limit would end it sooner; later attempts may take as long."""
    session = current.get()
    if session is not None:
        await session.extend(Timeouts(attempt=attempt, execution=execution, heartbeat=heartbeat))


def sync(awaitable: Awaitable[T]) -> T:
    """Wait for a step, a sleep or an answer from within a `def` task (which runs on a thread of its own)."""
    session = current.get()
    if session is None:
        return asyncio.run(_awaited(awaitable))
    future = asyncio.run_coroutine_threadsafe(_awaited(awaitable), session.loop)
    waiting_threads[threading.get_ident()] = future
    try:
        return future.result()
    except BaseException as error:
        if type(error).__name__ == "CancelledError":
            raise Interrupted from None
        raise
    finally:
        del waiting_threads[threading.get_ident()]


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


async def sleep(duration: float | timedelta) -> None:
    """Sleep durably: a long sleep holds no slot and no memory, and survives every restart. A number is seconds."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
    session = current.get()
    await (asyncio.sleep(seconds) if session is None else session.sleep(seconds))


async def checkpoint(name: str, state: Any) -> None:
    """Save state on purpose; `load_checkpoint(name)` reads it back on a later attempt."""
    session = current.get()
    if session is not None:
        await session.checkpoint(name, state)


@overload
def load_checkpoint(name: str, wanted: type[T], default: T) -> T: ...
@overload
def load_checkpoint(name: str, wanted: type[T]) -> T | None: ...
@overload
def load_checkpoint(name: str, wanted: Any = ..., default: Any = ...) -> Any: ...
def load_checkpoint(name: str, wanted: Any = Any, default: Any = None) -> Any:
    """The state saved last under `name`, by this attempt or an earlier one; `default` where there is none."""
    session = current.get()
    found = None if session is None else session.load_checkpoint(name, wanted)
    return default if found is None else found


async def progress(fraction: float | None = None, message: str | None = None) -> None:
    """Say how far the task is (0 to 1) and what it does; stored at most once a second."""
    session = current.get()
    if session is not None:
        await session.progress(fraction, message)


async def emit(name: str, value: Any) -> None:
    """Hand out a part of the output before the end: an event that anyone may listen for."""
    session = current.get()
    if session is not None:
        await session.emit(name, value)


def log(text: str, *, level: str = "info") -> None:
    """Write a log line; print and the logging module are captured as well."""
    session = current.get()
    if session is None:
        print(text)  # noqa: T201 - outside an execution the terminal is the log
    else:
        session.log(level, text)


def output(text: str) -> None:
    """Hand out a piece of text as it is made, such as the tokens of a model: live to whoever follows, kept in the log.

    Pieces go on where the last one ended, in the log's stream `output`; no event is appended. Any thread may call it.
    """
    session = current.get()
    if session is None:
        print(text, end="", flush=True)  # noqa: T201 - outside an execution the terminal is the reader
    else:
        session.output(text)


def now() -> Awaitable[datetime]:
    """The time, the same one in every attempt."""
    return call_step("onward.now", lambda: datetime.now(UTC), (), {}, returns=datetime)


def uuid() -> Awaitable[str]:
    """A random id, the same one in every attempt."""
    return call_step("onward.uuid", lambda: str(_uuid.uuid4()), (), {}, returns=str)


def random() -> Awaitable[float]:
    """A random number from 0 to 1, the same one in every attempt."""
    return call_step("onward.random", _random.random, (), {}, returns=float)


def idempotency_key() -> str:
    """A key for outside effects that stays the same however often this step, or this task, is tried."""
    session = current.get()
    return "none" if session is None else session.idempotency_key()
