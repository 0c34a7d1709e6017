"""What a task's code holds while it runs: its steps, its waits, progress, output and log lines."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from onward.contract import commands
from onward.contract import events as ev
from onward.contract.execution import Execution
from onward.contract.lines import MAX_LINE
from onward.tasks import codec
from onward.tasks.awaited import AwaitedEvent, Question
from onward.tasks.children import Children, Order
from onward.tasks.policy import PLAIN, OnDrift, StepPolicy
from onward.worker.call import current_step, step_key
from onward.worker.course import ENDED, Course, nothing
from onward.worker.drift import Drift
from onward.worker.hold import Hold
from onward.worker.inputs import Inputs
from onward.worker.kinship import Kin, Kinship
from onward.worker.logs import LineWriter
from onward.worker.send import SENDING, Send
from onward.worker.steps import Steps
from onward.worker.waits import Waits

PIECE = MAX_LINE // 4
"""Characters of output in one entry: so many fit, whatever they are."""


class Session(Course):
    """One attempt of one execution, seen from its code. Implements onward.tasks.context.Session."""

    def __init__(
        self,
        hold: Hold,
        lines: LineWriter,
        random: Callable[[], float],
        kin: Kin,
        *,
        send: Send,
        on_drift: OnDrift = "warn",
    ) -> None:
        super().__init__(hold, random)
        self._lines = lines
        self._saved = hold.log.checkpoints()
        self._waits = Waits(self)
        self._inputs, self._send = Inputs(self, self._waits), send
        self._drift = Drift(self, self._saved, on_drift, self._warn)
        self._steps = Steps(self, self._saved, self._drift, self._waits.until, self._warn)
        self.unused: tuple[str, ...] = ()
        """The saved steps that the code did not call, once it has returned."""
        self._kinship = Kinship(self, kin)
        self._waits.also(self._kinship)
        self._progress_at = float("-inf")

    def _warn(self, text: str) -> None:
        self._lines.write("warning", "system", text, None)

    async def ready(self, given: msgspec.Raw) -> msgspec.Raw:
        """The whole input; saved states, which are read back without waiting, are whole from here on too."""
        for key, saved in self._saved.items():
            if saved.kind == "state":
                whole = await self.hold.large.whole(saved.result)
                self._saved[key] = msgspec.structs.replace(saved, result=whole)
        return await self.hold.large.whole(given)

    def returned(self) -> None:
        """The code has come to its end."""
        self.unused = self._drift.unused()

    def suspension(self, state: Execution) -> tuple[ev.AnyEvent, ...]:
        """The event that lets go of an execution that only waits; none where a wait is over by now."""
        return self._waits.suspension(state)

    def over(self) -> None:
        """See Course."""
        super().over()
        if self._kinship is ENDED:
            return
        self._kinship.settle = nothing
        self._waits = self._inputs = self._drift = self._steps = self._kinship = ENDED
        self._lines.on_lost = None

    def step(
        self, name: str, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, key: str | None,
        policy: StepPolicy, returns: Any,
    ) -> Awaitable[Any]:  # fmt: skip
        """The step as an awaitable; its place among its namesakes is counted now, not when it runs."""
        return self._steps.call(name, fn, args, kwargs, key=key, policy=policy, returns=returns)

    async def sleep(self, seconds: float) -> None:
        """Sleep; a long one durably."""
        await self._waits.sleep(seconds)

    def ask(self, question: Question) -> Coroutine[Any, Any, Any]:
        """The answer a person gave."""
        return self._inputs.ask(question)

    def wait_event(self, awaited: AwaitedEvent) -> Coroutine[Any, Any, Any]:
        """The value of an event that somebody sent."""
        return self._inputs.wait_event(awaited)

    def send_event(
        self, execution_id: str, name: str, value: msgspec.Raw, key: str | None
    ) -> Awaitable[None]:
        """An event to another execution, as a step: sent again under the same key, should this one be lost."""

        async def send() -> None:
            await self._send(execution_id, name, value, key or f"{step_key.get()}:{name}")

        return self.step(SENDING, send, (), {}, key=None, policy=PLAIN, returns=type(None))

    def children(self, order: Order, key: str | None) -> Children:
        """The children of a call that is made now."""
        return self._kinship.children(order, key)

    async def checkpoint(self, name: str, state: Any) -> None:
        """Save `state` under `name`; the latest one is read back."""
        raw = codec.encode(state, f"checkpoint {name}")
        kept = await self.hold.large.keep(raw, f"checkpoint {name}")
        log = await self.append(
            ev.CheckpointReached, attempt=self.attempt, kind="state", name=name, key="=", result=kept
        )
        event = log.stored[-1].event
        if isinstance(event, ev.CheckpointReached):
            self._saved["", name, "="] = msgspec.structs.replace(event, result=raw)

    def load_checkpoint(self, name: str, wanted: Any) -> Any:
        """The state saved last under `name`, or None."""
        saved = self._saved.get(("", name, "="))
        return None if saved is None else codec.decode(saved.result, wanted)

    async def progress(self, fraction: float | None, message: str | None) -> None:
        """One event at most a second; what comes in between is a log line."""
        self.sign_of_life = self.loop.time()
        text = "progress" if fraction is None else f"progress {fraction:.0%}"
        self._lines.write("info", "system", f"{text}: {message}" if message else text, current_step.get())
        if self.loop.time() - self._progress_at < 1.0 and fraction != 1:
            return
        self._progress_at = self.loop.time()
        await self.append(ev.Progressed, fraction=fraction, message=message)

    async def emit(self, name: str, value: Any) -> None:
        """Append an output."""
        raw = await self.hold.large.keep(codec.encode(value, f"output {name}"), f"output {name}")
        await self.append(ev.OutputGenerated, name=name, value=raw)

    async def extend(self, more: ev.TimeoutPolicy) -> None:
        """So many seconds from now, for each limit that is set and would be reached sooner."""
        await self.decide(lambda state: self._extended(state, more))

    def _extended(self, state: Execution, more: ev.TimeoutPolicy) -> tuple[ev.AnyEvent, ...]:
        moment, old = self.hold.moment(), state.timeouts
        life = (moment.now - (state.life_from or state.created_at)).total_seconds()
        longer = ev.TimeoutPolicy(
            queue=old.queue,
            attempt=_longer(old.attempt, more.attempt, self.loop.time() - self.began),
            execution=_longer(old.execution, more.execution, life),
            heartbeat=_longer(old.heartbeat, more.heartbeat, 0.0),
        )
        return () if longer == old else commands.amend(state, moment, longer)

    def log(self, level: str, text: str) -> None:
        """Write a log line."""
        self.sign_of_life = self.loop.time()
        self._lines.write(level, "log", text, current_step.get())

    def output(self, text: str) -> None:
        """Hand out a piece of text, in as many entries of the log as it needs: nothing is cut."""
        self.sign_of_life = self.loop.time()
        for start in range(0, len(text), PIECE):
            self._lines.write("info", "output", text[start : start + PIECE], current_step.get())

    def idempotency_key(self) -> str:
        """Stable over attempts: of the step that runs, else of the execution."""
        return step_key.get() or self.execution_id


def _longer(limit: float | None, more: float | None, gone: float) -> float | None:
    """A limit that leaves so many seconds more, from now on; none stays none."""
    return limit if limit is None or more is None else max(limit, round(gone + more, 3))
