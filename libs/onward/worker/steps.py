"""The steps of a running attempt: what is saved is not run again, what is new is paid for when it is stored."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from onward.contract import events as ev
from onward.contract.events import NOTHING
from onward.contract.log import Identity
from onward.contract.policies import StepAsked
from onward.tasks import codec
from onward.tasks.outcome import Interrupted
from onward.tasks.policy import StepPolicy
from onward.worker.again import again_after
from onward.worker.around import StepTry, tried
from onward.worker.call import Call
from onward.worker.course import Course
from onward.worker.doubt import Doubt
from onward.worker.drift import Drift
from onward.worker.failure import describe
from onward.worker.hold import Cancelling, Lost
from onward.worker.places import scope_here

_MOST_ARGUMENTS = 64 * 1024
"""Bytes of a step's arguments that a policy sees."""


class Steps:
    """The steps of one attempt, and the results saved so far."""

    def __init__(
        self,
        course: Course,
        saved: dict[Identity, ev.CheckpointReached],
        drift: Drift,
        until: Callable[[str], Awaitable[None]],
        warn: Callable[[str], None],
    ) -> None:
        self._warn = warn
        self._course, self._saved, self._drift = course, saved, drift
        self._doubt = Doubt(course, until)

    def call(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None,
        policy: StepPolicy, returns: Any,
    ) -> Coroutine[Any, Any, Any]:  # fmt: skip
        """The step as an awaitable; its place among its namesakes is counted now, not when it runs."""
        scope = scope_here.get()
        place = self._course.places.next(scope, name) if key is None else key
        this = StepTry(self._course.execution_id, scope, name, place)
        return self._step(this, Call(fn, args, kwargs, policy.timeout, returns), policy)

    async def _step(self, this: StepTry, call: Call, policy: StepPolicy) -> Any:
        saved = self._saved.get((this.scope, this.name, this.key))
        self._drift.called(this)
        arguments = codec.fingerprint(call.args, call.kwargs)
        if saved is not None and await self._drift.fits(this, saved, arguments, policy):
            return call.read(await self._course.hold.large.whole(saved.result))
        await self._course.enter()
        if policy.policy is not None:
            await self._permitted(this, call, policy.policy)
        self._course.busy()
        started = self._course.loop.time()
        try:
            result, tries = await self._tries(this, call, policy)
            raw = codec.encode(result, f"the result of step {this.name}")
            took = round((self._course.loop.time() - started) * 1000, 3)
            kept = await self._course.hold.large.keep(raw, f"the result of step {this.name}")
            await self._course.append(
                ev.CheckpointReached, attempt=self._course.attempt, kind="step", **this.names, result=kept,
                arguments=arguments, tries=tries, duration_ms=took, undo=policy.undo,
            )  # fmt: skip
            return call.read(raw)
        finally:
            self._course.idle()

    async def _permitted(self, this: StepTry, call: Call, name: str) -> None:
        asked = StepAsked(
            project=self._course.hold.state.project, execution_id=this.execution_id, policy=name, step=this.name,
            key=this.key, arguments=_arguments(call),
        )  # fmt: skip
        for verdict in await self._course.permitted(asked):
            self._warn(f"step {this.name}: {verdict.told()}")

    async def _tries(self, this: StepTry, call: Call, policy: StepPolicy) -> tuple[Any, int]:
        tries, began, retry = 0, self._course.loop.time(), policy.retry
        while True:
            tries += 1
            try:
                return await self._try(this, call, policy), tries
            except (Interrupted, asyncio.CancelledError, Lost, Cancelling):
                raise
            except Exception as error:
                elapsed = self._course.loop.time() - began
                delay = again_after(error, retry, tries, elapsed, self._course.random)
                if not self._doubt.unsettled(this):
                    await self._course.append(
                        ev.StepFailed, attempt=self._course.attempt, **this.names, tries=tries,
                        error=describe(error, retry), delay_ms=None if delay is None else delay * 1000,
                    )  # fmt: skip
                if delay is None:
                    raise
                await asyncio.sleep(delay)

    async def _try(self, this: StepTry, call: Call, policy: StepPolicy) -> Any:
        def run() -> Awaitable[Any]:
            return tried(this, lambda: call.run(self._course, this.scope, this.name, this.key))

        return await (self._doubt.at_most_once(this, call, policy.verify, run) if policy.once else run())


def _arguments(call: Call) -> msgspec.Raw:
    """The arguments by name, where they can be shown."""
    try:
        bound = inspect.signature(call.fn).bind(*call.args, **call.kwargs).arguments
        raw = codec.encode(dict(bound), "the arguments")
    except Exception:  # noqa: BLE001 - a policy sees none, and the step is called all the same
        return NOTHING
    return raw if len(bytes(raw)) <= _MOST_ARGUMENTS else NOTHING
