"""Undoing what an execution has done: steps that have an `undo`, the latest first, each one durable.

An undo that is stored as done never runs again; one that failed for good is stored as such, and the others still run.
A worker that dies or drains in between leaves the rest to the next one.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from onward.contract import decide
from onward.contract import events as ev
from onward.contract.decide import Moment, envelope
from onward.contract.errors import ValueLost
from onward.contract.execution import Execution
from onward.contract.lifecycle.changes import step_id
from onward.contract.lifecycle.guards import UNDO
from onward.contract.log import Log, checkpoints_in
from onward.tasks import codec
from onward.tasks.context import current
from onward.tasks.outcome import Interrupted
from onward.tasks.policy import StepPolicy
from onward.tasks.registry import Registry
from onward.tasks.steps import Step
from onward.worker.again import again_after
from onward.worker.call import Call, hints_of
from onward.worker.failure import describe
from onward.worker.hold import Hold
from onward.worker.logs import LineWriter
from onward.worker.perform import Stopped
from onward.worker.session import Session


class UndoSession(Session):
    """What the code of an undo holds: it runs whole or not at all, so it can neither wait nor save."""

    def step(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None,
        policy: StepPolicy, returns: Any,
    ) -> Awaitable[Any]:  # fmt: skip
        """A step inside an undo is a part of it."""
        return Call(fn, args, kwargs, policy.timeout, returns).run(self, "/undo", name, key or "")

    async def sleep(self, seconds: float) -> None:
        """Sleep in memory."""
        await asyncio.sleep(seconds)

    async def append(self, made: type[ev.Event], /, **_: Any) -> Log:
        """Progress is not stored; all else is refused."""
        if made is ev.Progressed:
            return self.hold.log
        raise RuntimeError("an undo can neither wait nor save state: it runs as one step")


class Undo:
    """The undoing of one execution by the worker that holds it."""

    def __init__(self, hold: Hold, session: UndoSession, lines: LineWriter, registry: Registry) -> None:
        self._hold, self._session, self._lines, self._registry = hold, session, lines, registry
        hold.undoing = True

    async def run(self, grace: float) -> Stopped:
        """Undo all there is, as far as this worker comes before it has to stop."""
        work = self._session.loop.create_task(self._all())
        self._session.stop = lambda: self._stop(work, grace)
        if self._session.interrupted is not None:
            self._session.stop()
        try:
            await work
        except (asyncio.CancelledError, Interrupted):
            if self._session.interrupted is None:
                raise
        finally:
            work.cancel()
        return Stopped("lost" if self._session.interrupted == "lost" else UNDO)

    def _stop(self, work: asyncio.Task[None], grace: float) -> None:
        # One that runs may end: cut short, nobody would know how far it came.
        self._session.loop.call_later(0.0 if self._session.interrupted == "lost" else grace, work.cancel)

    async def _all(self) -> None:
        token = current.set(self._session)
        try:
            for point in to_undo(self._hold.log):
                if self._session.interrupted is not None:
                    return
                if self._hold.state.recoveries >= decide.POISON_AFTER:
                    await self._failed(point, 1, decide.poison(self._hold.state), None)
                else:
                    await self._one(point)
        finally:
            current.reset(token)

    async def _one(self, point: ev.CheckpointReached) -> None:
        undo = self._registry.undos.get(point.undo or "")
        if undo is None:
            message = f"this worker has no step {point.undo}; it was to undo {point.name}"
            await self._failed(point, 1, ev.Failure(type="unknown_undo", message=message), None)
            return
        try:
            result = argument(undo, await self._hold.large.whole(point.result))
        except (msgspec.ValidationError, ValueLost) as error:
            await self._failed(point, 1, describe(error), None)
            return
        self._note(point, f"undoing {_shown(point)} with {undo.name}")
        await self._tries(point, undo, result)

    async def _tries(self, point: ev.CheckpointReached, undo: Step[[Any], Any], result: Any) -> None:
        call, retry = Call(undo.call, (result,), {}, undo.policy.timeout), undo.policy.retry
        tries, began = 0, self._session.loop.time()
        while True:
            tries += 1
            try:
                await call.run(self._session, f"/undo{point.scope}", point.name, point.key)
            except Exception as error:  # noqa: BLE001 - whatever an author's code raises is an outcome
                elapsed = self._session.loop.time() - began
                delay = again_after(error, retry, tries, elapsed, self._session.random)
                await self._failed(point, tries, describe(error, retry), delay)
                if delay is None:
                    return
                await asyncio.sleep(delay)
            else:
                took = round((self._session.loop.time() - began) * 1000, 3)
                await self._undone(point, tries, took)
                return

    async def _undone(self, point: ev.CheckpointReached, tries: int, took: float) -> None:
        await self._append(
            ev.CheckpointReached, attempt=self._session.attempt, kind=UNDO, scope=point.scope, name=point.name,
            key=point.key, tries=tries, duration_ms=took,
        )  # fmt: skip

    async def _failed(
        self, point: ev.CheckpointReached, tries: int, error: ev.Failure, delay: float | None
    ) -> None:
        what = "failed for good" if delay is None else f"failed, again in {delay:.1f} s"
        self._note(point, f"undoing {_shown(point)} {what}: {error.type}: {error.message}", "warning")
        await self._append(
            ev.StepFailed, attempt=self._session.attempt, scope=UNDO, name=point.name, key=_failure_of(point)[1],
            tries=tries, error=error, delay_ms=None if delay is None else delay * 1000,
        )  # fmt: skip

    async def _append(self, made: type[ev.Event], /, **fields: Any) -> None:
        def made_of(state: Execution) -> tuple[Any, ...]:
            return (made(**envelope(state, self._hold.moment()), **fields),)

        await self._hold.append(made_of)

    def _note(self, point: ev.CheckpointReached, text: str, level: str = "info") -> None:
        self._lines.write(level, "system", text, point.name)


def ending(log: Log, moment: Moment, worker_id: str) -> ev.AnyEvent:
    """What follows once this worker undoes no more: the end, or somebody else's turn where it had to stop."""
    state = log.execution
    if to_undo(log):
        fields = envelope(state, moment, wake=state.route)
        return ev.Released(**fields, attempt=state.attempt, worker_id=worker_id)
    left = tuple(f"{name} ({e.type}: {e.message})" for (name, _), e in failed_undos(log).items())
    return decide.undone(state, moment, left)


def to_undo(log: Log) -> list[ev.CheckpointReached]:
    """The checkpoints of the steps that are still to be undone, the latest first."""
    saved, named = {step_id(point): point for point in log.checkpoints().values()}, _undos_of(log)
    failed = failed_undos(log)
    latest_first = sorted(log.execution.undoable, key=lambda key: -log.execution.undoable[key])
    return [
        msgspec.structs.replace(saved[key], undo=named.get(key))
        for key in latest_first
        if key in saved and _failure_of(saved[key]) not in failed
    ]


def _failure_of(point: ev.CheckpointReached) -> tuple[str, str]:
    """Name and key of the `step_failed` events, in the scope of undos, that tell of this step's undo."""
    return point.name, f"{point.scope}|{point.key}"


def failed_undos(log: Log) -> dict[tuple[str, str], ev.Failure]:
    """The undos that failed for good since this life began."""
    found: dict[tuple[str, str], ev.Failure] = {}
    for stored in log.stored:
        match stored.event:
            case ev.RetryRequested():
                found = {}
            case ev.StepFailed(scope=scope, name=name, key=key, delay_ms=None, error=error) if scope == UNDO:
                found[name, key] = error
    return found


def _undos_of(log: Log) -> dict[str, str]:
    # A result that a person has edited is undone by what was to undo the original.
    points = (point for stored in log.stored for point in checkpoints_in(stored.event))
    return {step_id(p): p.undo for p in points if p.undo is not None}


def argument(undo: Step[[Any], Any], raw: msgspec.Raw) -> Any:
    """The saved result as the undo's parameter wants it. Raises msgspec.ValidationError where it does not fit."""
    parameter = next(iter(inspect.signature(undo.fn).parameters), "")
    return codec.decode(raw, codec.usable(hints_of(undo.fn).get(parameter, Any)))


def _shown(point: ev.CheckpointReached) -> str:
    return f"{point.scope}/{point.name}{point.key}".lstrip("/")
