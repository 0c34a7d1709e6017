"""Run the author's function once: on the loop, a thread, or in a process; within its limit, stoppable."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from onward.contract.errors import OnwardError, ValueLost
from onward.contract.events import Failure
from onward.tasks import codec
from onward.tasks.context import current
from onward.tasks.outcome import Interrupted, RetryAfter
from onward.tasks.registry import Task
from onward.worker import blocking
from onward.worker.failure import bad_input, describe
from onward.worker.limits import Limits
from onward.worker.session import Session


class Returned(msgspec.Struct, frozen=True):
    """The function returned."""

    output: msgspec.Raw


class Raised(msgspec.Struct, frozen=True):
    """The function raised, or took too long; `after` seconds where it said when to try again."""

    error: Failure
    after: float | None = None


class Stopped(msgspec.Struct, frozen=True):
    """The function was stopped: suspend, cancel, lost or drain."""

    why: str


Outcome = Returned | Raised | Stopped


async def perform(task: Task[..., Any], session: Session, raw: msgspec.Raw, grace: float) -> Outcome:
    """The only place that runs an author's code, within its limits; asked to stop, it may take `grace` seconds."""
    session.grace = grace
    limits = Limits(session)
    try:
        return await _outcome(task, session, raw)
    finally:
        limits.end()


async def _outcome(task: Task[..., Any], session: Session, raw: msgspec.Raw) -> Outcome:
    try:
        arguments = task.takes.arguments(await session.ready(raw))
    except msgspec.ValidationError as error:
        return Raised(bad_input(error))
    except ValueLost as error:
        return Raised(describe(error))
    except OnwardError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an author's type raises when it is made of an input
        return Raised(describe(error, session.hold.state.retry))
    if (stopped := _stopped(session)) is not None:
        return stopped
    try:
        running, retry = _Running(task, session, arguments), session.hold.state.retry
    except (TypeError, ImportError) as error:  # what cannot go to a process of its own
        return Raised(describe(error))
    session.stop = running.stop
    try:
        result = await running.result()
        session.returned()
        return Returned(codec.encode(result, "the result"))
    except (asyncio.CancelledError, Interrupted):
        return _stopped(session) or Raised(
            Failure(type="Cancelled", message="the task's code cancelled itself")
        )
    except RetryAfter as error:
        return _stopped(session) or Raised(describe(error, retry), after=error.seconds)
    except Exception as error:  # noqa: BLE001 - whatever an author's code raises is an outcome
        return _stopped(session) or Raised(describe(error, retry))


def _stopped(session: Session) -> Stopped | Raised | None:
    if session.interrupted == "timed_out" and session.error is not None:
        return Raised(session.error)
    return None if session.interrupted is None else Stopped(session.interrupted)


class _Running:
    """The function under way. It is stopped by asking, after `grace` seconds by force, then by leaving it."""

    def __init__(self, task: Task[..., Any], session: Session, arguments: dict[str, Any]) -> None:
        self._loop, self._grace = asyncio.get_running_loop(), session.grace
        self._call: blocking.Blocking | None = None
        self._asked_at: float | None = None
        self._forced = False
        self._given_up: asyncio.Future[None] = self._loop.create_future()
        self._timers: list[asyncio.TimerHandle] = []
        self._session = session
        token = current.set(session)
        try:
            if inspect.iscoroutinefunction(inspect.unwrap(task.fn)):
                self._future: asyncio.Future[Any] = self._loop.create_task(
                    _called(lambda: task.call(**arguments))
                )
            else:
                name = f"onward-{session.execution_id[:8]}"
                self._call = blocking.start(task.call, (), arguments, name=name)
                self._future = self._call.future
        finally:
            current.reset(token)

    async def result(self) -> Any:
        """What the function returns or raises; raises Interrupted where it had to be abandoned."""
        await asyncio.wait((self._future, self._given_up), return_when=asyncio.FIRST_COMPLETED)
        for timer in self._timers:
            timer.cancel()
        if not self._future.done():
            blocking.say("warning", "the code did not stop; it was abandoned")
            raise Interrupted(self._session.interrupted)
        self._say_how_it_stopped()
        return self._future.result()

    def _say_how_it_stopped(self) -> None:
        why = self._session.interrupted
        if self._asked_at is None or why in ("suspend", "lost"):
            return
        call = self._call or _Coroutine
        text = f"stopped ({why}) after {self._loop.time() - self._asked_at:.1f} s: "
        blocking.say(
            "warning" if self._forced else "info", text + (call.forced if self._forced else call.asked)
        )

    def stop(self) -> None:
        """Ask the code to stop now; make it after the grace."""
        if self._call is None:
            self._future.cancel()
        if not self._timers:
            self._asked_at = self._loop.time()
            if self._call is not None:
                self._call.ask()
            self._timers = [
                self._loop.call_later(self._grace, self._force),
                self._loop.call_later(2 * self._grace, self._give_up),
            ]

    def _force(self) -> None:
        self._forced = True
        if self._call is not None:
            self._call.force()
        else:
            self._future.cancel()

    def _give_up(self) -> None:
        if not self._given_up.done():
            self._given_up.set_result(None)


async def _called(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    # Called in here: stopped before it begins, there is no coroutine that nobody awaits.
    try:
        return await call()
    except (SystemExit, KeyboardInterrupt) as error:  # asyncio would end the worker by it
        raise RuntimeError(repr(error)) from error


class _Coroutine:
    asked, forced = "it was cancelled", "it was cancelled a second time"
