"""How far a running attempt has come, and whether it may go on: what its steps and its waits share."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

from onward.contract import events as ev
from onward.contract.decide import envelope
from onward.contract.execution import Execution
from onward.contract.log import Log
from onward.contract.policies import StepAsked, Verdict, denial
from onward.tasks.outcome import Interrupted
from onward.worker.gate import Gate
from onward.worker.hold import Cancelling, Decide, Hold, Lost
from onward.worker.permit import Permit
from onward.worker.places import Places, scope_here

BEGINNINGS = (ev.Slept, ev.QuestionAsked, ev.EventAwaited, ev.ChildrenSpawned)
"""Events that begin something new: none is appended while the execution is paused."""


class _Ended:
    """In the place of a part of an attempt that has ended."""

    def __getattr__(self, _name: str) -> NoReturn:
        raise Interrupted("lost")


ENDED: Any = _Ended()


def nothing() -> None:
    """Nobody is there any more."""


class Course:
    """One attempt under way. Its parts tell each other of what happens through the lists of listeners."""

    def __init__(self, hold: Hold, random: Callable[[], float]) -> None:
        self.loop = asyncio.get_running_loop()
        self.execution_id, self.attempt = hold.state.id, hold.state.attempt
        self.agent = hold.state.agent
        self.interrupted: str | None = None
        """Why the code is being stopped: suspend, pause, cancel, lost, timeout, drain, hold, timed_out."""
        self.error: ev.Failure | None = None
        """What the attempt ends with, where it is stopped for a timeout or held for repair."""
        self.stop: Callable[[], None] = nothing
        self.began = self.sign_of_life = self.loop.time()
        """When the worker took it up, and when its code was last heard of."""
        self.grace = 5.0
        """Seconds that code which is asked to stop may take, and again until it is abandoned."""
        self.hold, self.random = hold, random
        self.permit: Permit | None = None
        """Asked before a step that names a policy; where there is none, there are no policies."""
        self.places = Places()
        self.steps_in_flight = 0
        self.on_interrupt: list[Callable[[str], None]] = []
        """Called once the attempt is to stop, with the reason."""
        self.on_news: list[Callable[[Execution], None]] = []
        """Called with the state whenever something was appended, by us or by somebody else."""
        self.on_idle: list[Callable[[], None]] = []
        """Called whenever a step has ended."""
        self._gate = Gate(
            shut=hold.state.paused, busy=lambda: self.steps_in_flight, let_go=lambda: self.interrupt("pause")
        )
        self.on_interrupt.append(self._gate.break_up)
        self.on_news.append(lambda state: self._gate.turn(shut=state.paused))
        self.on_idle.append(self._gate.settle)

    def interrupt(self, why: str) -> None:
        """Stop the code at its next await; the first reason stands, but for losing the execution."""
        if self.interrupted is None or why == "lost":
            self.interrupted = why
            for told in self.on_interrupt:
                told(why)
        self.stop()

    def end_with(self, why: str, error: ev.Failure) -> None:
        """Stop the code, for it is held for repair or took too long: that is how the attempt ends."""
        self.error = self.error or error
        self.interrupt(why)

    async def permitted(self, asked: StepAsked) -> tuple[Verdict, ...]:
        """What policies say about a step, beside denying it. Raises Interrupted where one denies: that is the end."""
        if self.permit is None:
            return ()
        verdicts = await self.permit(asked)
        if (error := denial(verdicts)) is not None:
            self.end_with("denied", error)
            raise Interrupted("denied")
        return verdicts

    def noticed(self, state: Execution) -> None:
        """Something was appended by somebody else."""
        for told in self.on_news:
            told(state)

    def busy(self) -> None:
        """A step begins: nothing is suspended before it ends."""
        self.steps_in_flight += 1

    def idle(self) -> None:
        """A step has ended."""
        self.steps_in_flight -= 1
        for told in self.on_idle:
            told()

    async def enter(self) -> None:
        """Where a step or a wait begins: waits while the execution is paused. A step that runs goes on to its end."""
        self.check_open()
        if self._gate.shut and not scope_here.get():
            self.busy()
            try:
                await self._gate.wait()
            finally:
                self.idle()

    async def append(self, made: type[ev.Event], /, **fields: Any) -> Log:
        """Append one event of this attempt. Raises Interrupted where that is no longer ours to do."""
        if made in BEGINNINGS:
            await self.enter()

        def one(state: Execution) -> tuple[Any, ...]:
            return (made(**envelope(state, self.hold.moment()), **fields),)

        return await self.decide(one)

    async def decide(self, decide: Decide) -> Log:
        """Append what `decide` makes of the newest state. Raises Interrupted where that is no longer ours to do."""
        self.check_open()
        self.sign_of_life = self.loop.time()
        try:
            log = await self.hold.append(decide)
        except Lost:
            self.interrupt("lost")
            raise Interrupted("lost") from None
        except Cancelling:
            self.interrupt("cancel")
            raise Interrupted("cancel") from None
        self.noticed(self.hold.state)
        return log

    def over(self) -> None:
        """The attempt has ended: nothing is told any more, and whoever still calls is interrupted.

        Its parts hold each other; let go of here, they are gone at once, and the collector has nothing to look for.
        """
        self.interrupted = self.interrupted or "lost"
        self.stop = nothing
        for told in (self.on_interrupt, self.on_news, self.on_idle):
            told.clear()
        self._gate = ENDED

    def check_open(self) -> None:
        """Raises Interrupted where the attempt is being stopped."""
        if self.interrupted is not None:
            raise Interrupted(self.interrupted)
